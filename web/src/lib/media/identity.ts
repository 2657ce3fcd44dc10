/** Media participants are one per device; people are one per person. */

/** `p03` of `p03.1f9c02ab`; null for the room's shared device and for whatever is not a person. */
export const personOf = (identity: string): string | null =>
  /^p\d+(?=$|\W)/.exec(identity)?.[0] ?? null;

/** The camera and microphone of the meeting room. */
export const isRoomDevice = (identity: string): boolean => /^room(?=$|\W)/.test(identity);
