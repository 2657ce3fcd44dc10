import { mount } from 'svelte';
import './app.css';
import App from './App.svelte';
import { followLinks } from '$lib/router.svelte';

addEventListener('click', followLinks);
mount(App, { target: document.getElementById('app')! });

// The other weights of the typeface wait until the page is of use; the browser thickens 400.
addEventListener('load', () => {
  const line = (navigator as { connection?: { saveData?: boolean } }).connection;
  if (!line?.saveData) setTimeout(() => void import('./fonts/more.css'), 0);
});
