// Tools that run in a process of their own.

/** A text for a result, with progress on the way. */
export function shout({ text }, context) {
  context.progress(1);
  context.progress({ progress: 2, total: 2, message: 'nearly' });
  return `${text.toUpperCase()} from ${process.pid}`;
}

export async function grow(_input, _context) {
  const kept = [];
  for (;;) {
    kept.push(Buffer.alloc(4 * 1_048_576, 1));
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}
