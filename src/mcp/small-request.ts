import { Buffer } from 'node:buffer';

/** What a request was found to hold: JSON that is short, else a request as if nobody had read it. */
export type SmallRequest =
  | { readonly isJson: true; readonly parsed: unknown }
  | { readonly isJson: false; readonly unread: Request };

/**
 * Parses a body that is short.
 *
 * @param request whose body is there, and was not read
 * @param maxBytes of a body that is read to its end
 */
export async function readSmallRequest(request: Request, maxBytes: number): Promise<SmallRequest> {
  if (Number(request.headers.get('content-length')) > maxBytes)
    return { isJson: false, unread: request };
  const reader = (request.body as ReadableStream<Uint8Array>).getReader();
  const parts: Uint8Array[] = [];
  let received = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      received += value.byteLength;
      if (received > maxBytes) return { isJson: false, unread: unread(request, parts, reader) };
    }
    // As the SDK decodes it.
    const parsed: unknown = JSON.parse(new TextDecoder().decode(Buffer.concat(parts)));
    reader.releaseLock();
    return { isJson: true, parsed };
  } catch {
    // Cut off, or no JSON: the SDK tells what is wrong with it.
    return { isJson: false, unread: unread(request, parts, reader) };
  }
}

/** @returns the same request with what was read of its body, then what follows, if only its failure */
function unread(
  request: Request,
  parts: readonly Uint8Array[],
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Request {
  const left = [...parts];
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const next = left.shift();
      const { done, value } =
        next === undefined ? await reader.read() : { done: false, value: next };
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return new Request(request, { method: request.method, body, duplex: 'half' });
}
