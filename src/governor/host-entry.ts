/** The program of a tool's thread or process. Tests run the sources, but Node 20 runs only what was built of them. */
export const HOST_ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/governor/tool-host.js' : './tool-host.js',
  import.meta.url,
);
