/** One answer of the server for a page's part: loading, here, or refused with a sentence. */
import { get, sentence } from '$lib/api/client';

export class Loading<T> {
  value = $state.raw<T | null>(null);
  trouble = $state('');

  constructor(readonly path: string) {}

  load = () => {
    get<T>(this.path).then(
      (answer) => {
        this.value = answer;
        this.trouble = '';
      },
      (error: unknown) => (this.trouble = sentence(error)),
    );
  };
}
