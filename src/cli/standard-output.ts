/** Standard output of a command whose reader may leave before the end. */
export class StandardOutput {
  readonly #closed = new AbortController();

  constructor() {
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      this.#closed.abort();
      // Who closed the pipe has read enough.
      if (error.code === 'EPIPE') return;
      process.stderr.write(`granary: the output failed: ${error.message}\n`);
      process.exitCode = 1;
    });
  }

  /** Aborts when nothing can be written any more. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Resolves when it is written, or cannot be. */
  write(text: string): Promise<void> {
    return new Promise((resolve) => {
      process.stdout.write(text, () => resolve());
    });
  }
}
