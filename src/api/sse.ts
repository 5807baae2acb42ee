/** Server-sent events (WHATWG HTML, "Server-sent events"): written only as fast as the reader takes them, and read back. */
import type { EventStreamItem } from './control.ts';

/** The media type of an event stream. */
export const EVENT_STREAM = 'text/event-stream';
/** After this long without an event a comment says that the stream is alive, in milliseconds. */
const HEARTBEAT_MS = 15_000;

/** One item as it goes over the wire. */
function formatItem(item: EventStreamItem): string {
  if (item.kind === 'reset')
    return `id: ${item.id}\nevent: reset\ndata: ${JSON.stringify({ detail: 'events are missing here; ask anew for what you know' })}\n\n`;
  const { event } = item;
  // JSON holds no line end, which would end the field.
  return `id: ${event.id}\nevent: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** A body of events. `source` is told by its signal when the reader has gone; `ended` is called once, however it ends. */
export function eventBody(
  source: (signal: AbortSignal) => AsyncIterable<EventStreamItem>,
  ended: () => void,
  heartbeatMs = HEARTBEAT_MS,
): ReadableStream<Uint8Array> {
  const abort = new AbortController();
  const items = source(abort.signal)[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  let pending: Promise<IteratorResult<EventStreamItem>> | undefined;
  let over = false;
  const end = () => {
    if (!over) ended();
    over = true;
  };
  return new ReadableStream<Uint8Array>({
    // A first comment, so that the reader has its answer before anything happens.
    start: (controller) => controller.enqueue(encoder.encode(': weir\nretry: 2000\n\n')),
    async pull(controller) {
      pending ??= items.next();
      let timer: NodeJS.Timeout | undefined;
      const silence = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), heartbeatMs);
      });
      const next = await Promise.race([pending, silence]);
      clearTimeout(timer);
      if (over) return;
      if (next === undefined) return controller.enqueue(encoder.encode(': alive\n\n'));
      pending = undefined;
      if (next.done !== true) return controller.enqueue(encoder.encode(formatItem(next.value)));
      end();
      controller.close();
    },
    cancel() {
      abort.abort();
      end();
    },
  });
}

/** Reads what `eventBody` writes. Throws a SyntaxError for data that is no JSON. */
export async function* readEvents(pieces: AsyncIterable<string>): AsyncGenerator<EventStreamItem> {
  let rest = '';
  for await (const piece of pieces) {
    const blocks = (rest + piece).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((line) => {
          const colon = line.indexOf(':');
          return [line.slice(0, colon), line.slice(colon + 1).trimStart()] as const;
        }),
      );
      const [id, name, data] = [fields.get('id'), fields.get('event'), fields.get('data')];
      if (id === undefined || data === undefined) continue;
      if (name === 'reset') yield { kind: 'reset', id };
      else yield { kind: 'event', event: JSON.parse(data) };
    }
  }
}
