import { describe, expect, test } from 'vitest';
import { type LogOptions, openLog } from './log.ts';

function record(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const destination = { write: (line: string) => lines.push(line) };
  return { lines, log: openLog({ level: 'info', destination, ...options }) };
}

describe('a log', () => {
  test('writes one JSON object a line: level by name, ISO time, event, and nothing about the process', () => {
    const { lines, log } = record();
    log.info('service_published', { service: 'tcp 203.0.113.100:80', servers: 3 });
    log.warn('drift');
    expect(lines).toHaveLength(2);
    expect(lines.every((line) => line.endsWith('}\n'))).toBe(true);
    const { time, ...line } = JSON.parse(lines[0] ?? '');
    expect(line).toEqual({
      level: 'info',
      event: 'service_published',
      service: 'tcp 203.0.113.100:80',
      servers: 3,
    });
    expect(time).toBe(new Date(time).toISOString());
  });

  test('leaves out what lies below its level', () => {
    const { lines, log } = record({ level: 'warn' });
    log.info('quiet');
    log.error('loud');
    expect(lines).toHaveLength(1);
    const silent = record({ level: 'silent' });
    silent.log.fatal('nothing');
    expect(silent.lines).toEqual([]);
  });

  test('writes an error with type, message and stack', () => {
    const { lines, log } = record();
    log.error('reload_failed', { error: new RangeError('too many') });
    expect(JSON.parse(lines[0] ?? '').error).toMatchObject({
      type: 'RangeError',
      message: 'too many',
      stack: expect.stringContaining('log.test.ts'),
    });
  });

  test('can carry fields into every line', () => {
    const { lines, log } = record();
    log.with({ service: 'a' }).info('one');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ event: 'one', service: 'a' });
  });

  test('writes for eyes on request, and lets no control character through', () => {
    const { lines, log } = record({ human: true });
    log.info('service_published', { service: 'tcp 203.0.113.100:80', servers: 3, note: 'a\u001b[31m\nb' });
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} info {2}service_published {2}service="tcp 203.0.113.100:80" {2}servers=3 {2}note="a\\u001b\[31m\\nb"\n$/,
    );
    log.error('reload_failed', { error: new Error('no') });
    expect(lines[1]).toMatch(/error {1}reload_failed {2}error=no\n {4}at /);
  });
});
