/** Listings as NDJSON: one object a line, made only as fast as the reader takes them. */

/** The media type of newline-delimited JSON. */
export const NDJSON = 'application/x-ndjson';

/** Passes on the first `limit` items (1 or more) of chunks and then stops their source. */
export async function* take<T>(
  chunks: AsyncIterable<readonly T[]>,
  limit: number,
): AsyncIterable<readonly T[]> {
  let left = limit;
  for await (const chunk of chunks) {
    yield chunk.slice(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}

/**
 * A body that asks for the next chunk when the last one has been taken, and stops the source when its reader goes
 * away. `fail` is called when the source throws; it has to cut the connection, for the status is out already and a
 * body that just ended would pass for a complete list.
 */
export function ndjsonBody<T>(
  chunks: AsyncIterable<readonly T[]>,
  fail: (error: Error) => void,
): ReadableStream<Uint8Array> {
  const source = chunks[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          for (;;) {
            const next = await source.next();
            if (next.done === true) return controller.close();
            if (next.value.length === 0) continue;
            const lines = next.value.map((item) => `${JSON.stringify(item)}\n`).join('');
            return controller.enqueue(encoder.encode(lines));
          }
        } catch (error) {
          fail(error as Error);
          controller.close();
        }
      },
      async cancel() {
        await source.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

/** Reads what `ndjsonBody` writes: the complete lines of each piece of text as one chunk. Throws a SyntaxError for a broken line. */
export async function* readNdjson<T>(pieces: AsyncIterable<string>): AsyncIterable<readonly T[]> {
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    if (lines.length > 0) yield lines.map((line) => JSON.parse(line) as T);
  }
  if (rest !== '') throw new SyntaxError('the listing ends in the middle of a line');
}
