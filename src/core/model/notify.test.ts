import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { notifyArguments, notifyEnvironment } from './notify.ts';

const happened = (fields: Readonly<Record<string, unknown>>) => ({ event: 'server_down', time: 'T', fields });

describe('what a notify command is told', () => {
  it('is the event, the service and the server as arguments, and all fields in the environment', () => {
    const one = happened({ service: 's', server: 'a:1', reason: 'connection refused', check: undefined });
    expect(notifyArguments(one)).toEqual(['server_down', 's', 'a:1']);
    expect(notifyArguments(happened({ service: 's', failed: 3 }))).toEqual(['server_down', 's']);
    expect(notifyEnvironment(one)).toEqual({
      WEIR_EVENT: 'server_down',
      WEIR_TIME: 'T',
      WEIR_SERVICE: 's',
      WEIR_SERVER: 'a:1',
      WEIR_REASON: 'connection refused',
    });
  });

  it('never has a control character, and no variable but its own', () => {
    const value = fc.oneof(fc.string({ unit: 'binary', maxLength: 2_000 }), fc.integer(), fc.object());
    fc.assert(
      fc.property(fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('event', 'a_b')), value), (fields) => {
        const environment = notifyEnvironment(happened(fields));
        expect(environment['WEIR_EVENT']).toBe('server_down');
        for (const [name, text] of Object.entries(environment)) {
          expect(name).toMatch(/^WEIR_[A-Z][A-Z0-9_]*$/);
          expect(text).toMatch(/^\P{Cc}*$/u);
          expect(text.length).toBeLessThanOrEqual(1_024);
        }
        for (const text of notifyArguments(happened(fields))) expect(text).toMatch(/^\P{Cc}*$/u);
      }),
    );
  });
});
