/** What the demo writes on: titles, sentences, program output, bars that grow on a terminal and stand still elsewhere. */
import pc from 'picocolors';
import { bar } from '../../cli/text.ts';

/** Something did not do what the demo says it does. */
export class DemoFailure extends Error {
  override readonly name = 'DemoFailure';
}

/** The demo was told to end; whatever still runs of it writes nothing any more. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** One line of a bar chart. */
export interface BarLine {
  readonly label: string;
  /** 0–1. */
  readonly share: number;
  readonly text: string;
}

/** Where the demo writes. Every method that writes throws `Interrupted` after `interrupt`. */
export interface Stage {
  readonly live: boolean;
  readonly style: ReturnType<typeof pc.createColors>;
  /** Begins a numbered part. */
  part(title: string): void;
  /** A sentence or more, wrapped at 78 characters; several texts are several paragraphs. */
  say(...texts: string[]): void;
  /** An empty line. */
  gap(): void;
  /** Lines as they stand, indented. */
  show(text: string): void;
  /** An empty line, a command as it would be typed, and what it printed. */
  command(words: string, output: string): void;
  /** Draws bars, in the place of those drawn last when `redraw`; on a terminal only, until `final`. */
  bars(lines: readonly BarLine[], how: 'first' | 'redraw' | 'final'): void;
  /** Throws a `DemoFailure` with the message unless the condition holds. */
  check(condition: boolean, message: string): void;
  interrupt(): void;
}

const margin = '  ';
const lineWidth = 78;
const barWidth = 30;

function wrap(text: string): string {
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)!;
    if (last !== '' && last.length + 1 + word.length > lineWidth - margin.length) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.map((line) => `${margin}${line}\n`).join('');
}

/** A stage on this process's standard output: colours and movement only on a terminal (no-color.org). */
export function openStage(out: NodeJS.WriteStream = process.stdout): Stage {
  const terminal = out.isTTY === true && process.env['TERM'] !== 'dumb';
  const style = pc.createColors(terminal && !process.env['NO_COLOR']);
  // On a narrow terminal lines wrap, and what was drawn cannot be found again.
  const live = terminal && (out.columns ?? 80) >= 80;
  let parts = 0;
  let drawn = 0;
  let interrupted = false;
  const write = (text: string): void => {
    if (interrupted) throw new Interrupted();
    out.write(text);
  };
  const barText = ({ label, share, text }: BarLine): string =>
    `${margin}${label}  ${style.green(bar(share, barWidth).padEnd(barWidth))}  ${text}`;
  return {
    live,
    style,
    part(title) {
      parts += 1;
      const head = `── ${parts}  ${title} `;
      write(`\n${style.bold(head)}${style.dim('─'.repeat(Math.max(0, lineWidth - head.length)))}\n\n`);
    },
    say: (...texts) => write(texts.map(wrap).join('\n')),
    gap: () => write('\n'),
    show: (text) => {
      const lines = text.replace(/\n$/, '').split('\n');
      write(`${lines.map((line) => `${margin}${margin}${line}`.trimEnd()).join('\n')}\n`);
    },
    command(words, output) {
      const lines = output.replace(/\n$/, '').split('\n');
      write(`\n${margin}${style.bold(`$ ${words}`)}\n`);
      write(`${lines.map((line) => `${margin}${line}`.trimEnd()).join('\n')}\n`);
    },
    bars(lines, how) {
      if (!live && how !== 'final') return;
      if (how === 'first') drawn = 0;
      const up = drawn > 0 ? `\x1b[${drawn}A` : '';
      const clear = live ? '\x1b[K' : '';
      write(`${up}${lines.map((line) => `${barText(line)}${clear}\n`).join('')}`);
      drawn = how === 'final' ? 0 : lines.length;
    },
    check(condition, message) {
      if (interrupted) throw new Interrupted();
      if (!condition) throw new DemoFailure(message);
    },
    interrupt() {
      interrupted = true;
    },
  };
}
