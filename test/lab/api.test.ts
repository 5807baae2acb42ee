/** The control API of a running director: applying, zeroing, following, and over TCP. */
import { readFileSync, statSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { controlClient } from '../../src/api/client.ts';
import type { EventStreamItem } from '../../src/api/control.ts';
import { SCHEMAS } from '../../src/api/schemas.ts';
import { socketPathIn } from '../../src/api/socket-path.ts';
import { type LabClient, labClient } from '../../src/lab/client-api.ts';
import { mustRun } from '../../src/lab/command.ts';
import type { LabProcess } from '../../src/lab/process.ts';
import { weirProgram } from '../../src/lab/programs.ts';
import { labVip } from '../../src/lab/topology.ts';
import { type DirectorLab, type Draft, directorLab, draft, nextEvent, serversOn } from './director-lab.ts';

const vip = labVip.ipv4;
const url = `http://${vip}/`;
const token = 'a-token-of-the-lab-0123456789';

describe('the API of a running director', () => {
  let director: DirectorLab;
  let daemon: LabProcess;
  let client: LabClient;
  const api = () => controlClient(socketPathIn(director.lab.runDir));
  const config = (weights: readonly number[]): Draft => {
    const servers = serversOn(director.lab.servers.slice(0, weights.length), 80, weights);
    return draft([
      { protocol: 'tcp', address: vip, port: 80, scheduler: 'wrr', servers },
      { protocol: 'tcp', address: vip, port: 7, servers: serversOn(director.lab.servers, 7) },
    ]);
  };
  const textOf = (weights: readonly number[]) => JSON.stringify(config(weights), null, 2);
  const answers = async (count: number) => (await client.requests({ url, count })).byServer;

  beforeAll(async () => {
    director = await directorLab();
    const { lab, weir } = director;
    await director.write(config([1, 1]));
    const [cert, key, tokenFile] = ['cert.pem', 'key.pem', 'token'].map((name) => join(lab.runDir, name)) as [
      string,
      string,
      string,
    ];
    const subject = ['-subj', '/CN=weir', '-addext', 'subjectAltName=IP:192.168.1.1'];
    await mustRun([
      ...['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
      ...['-nodes', '-days', '2', ...subject, '-keyout', key, '-out', cert],
    ]);
    await chmod(key, 0o600);
    await writeFile(tokenFile, token, { mode: 0o600 });
    daemon = await lab.spawn(lab.director, [
      ...[process.execPath, weirProgram(), 'run', '--config', weir.configFile, '--run-dir', lab.runDir],
      ...['--state-dir', lab.stateDir, '--pin-dir', lab.pinDir, '--listen', '192.168.1.1:8443'],
      ...['--tls-cert', cert, '--tls-key', key, '--token-file', tokenFile],
    ]);
    await daemon.waitForLine((line) => line.includes('"event":"ready"'));
    director.watch(daemon);
    client = labClient(lab, lab.clients[0]!);
  });
  afterAll(() => director?.close());

  it('applies a configuration for now: the next connection meets it, and a reload goes back to the file', async () => {
    const before = await api().config();
    expect(before).toMatchObject({ text: textOf([1, 1]), persisted: true, file: director.weir.configFile });
    const done = await api().apply({ file: 'tried', text: textOf([3, 1]) }, { persist: false });
    expect(done).toMatchObject({ ok: true, steps: 1, persisted: false });
    expect(await answers(4)).toEqual({ server1: 3, server2: 1 });
    expect((await api().config()).persisted).toBe(false);
    expect(readFileSync(director.weir.configFile, 'utf8')).toBe(textOf([1, 1]));
    await director.weir.run(['reload']);
    expect((await api().config()).version).toBe(before.version);
    expect(await answers(4)).toEqual({ server1: 2, server2: 2 });
  });

  it('applies one for good: the file holds it, with the permissions it had', async () => {
    await chmod(director.weir.configFile, 0o640);
    const file = join(director.lab.runDir, 'new.yaml');
    await writeFile(file, textOf([1, 3]));
    const { version } = await api().config();
    await director.weir.run(['apply', file, '--persist', '--if-version', version]);
    expect(readFileSync(director.weir.configFile, 'utf8')).toBe(textOf([1, 3]));
    expect(statSync(director.weir.configFile).mode & 0o777).toBe(0o640);
    expect((await director.weir.exec(['diff'])).code).toBe(0);
    expect(await answers(4)).toEqual({ server1: 1, server2: 3 });
    // The same once more meets another version than it was made for.
    const late = await director.weir.exec(['apply', file, '--if-version', version]);
    expect(late).toMatchObject({ code: 6, stdout: '' });
  });

  it('does not write over a file that somebody edits, and changes nothing where a file is bad', async () => {
    const edited = textOf([2, 2]);
    await writeFile(director.weir.configFile, edited);
    const file = join(director.lab.runDir, 'new.yaml');
    await writeFile(file, textOf([5, 1]));
    const refused = await director.weir.exec(['apply', file, '--persist']);
    expect(refused.code).toBe(6);
    expect(refused.stderr).toContain('has been edited since it was read');
    expect(readFileSync(director.weir.configFile, 'utf8')).toBe(edited);
    await writeFile(file, 'nonsense: true\n');
    const bad = await director.weir.exec(['apply', file]);
    expect(bad.code).toBe(5);
    expect(bad.stderr).toContain(`${file}:1:1`);
    expect(await answers(4)).toEqual({ server1: 1, server2: 3 });
    await director.reload(config([1, 1]));
  });

  it('counts from a zero on, while the kernel counts on and connections stay counted', async () => {
    const held = await client.hold({ address: vip, port: 7, count: 2 });
    await answers(4);
    const key = `tcp ${vip}:80`;
    expect((await director.service(key)).conns).toBeGreaterThanOrEqual(4);
    await director.weir.run(['zero']);
    const zero = await director.service(key);
    expect(zero).toMatchObject({ conns: 0, inpkts: 0, outbytes: 0 });
    const echo = await director.service(`tcp ${vip}:7`);
    expect(echo.conns).toBe(0);
    expect(echo.servers.reduce((sum, { active }) => sum + active, 0)).toBe(2);
    await answers(3);
    expect((await director.service(key)).conns).toBe(3);
    expect((await api().status()).counters_since).toMatch(/^\d{4}-/);
    await held.close();
  });

  it('tells what happens, and goes on after the last that was heard', async () => {
    const heard: EventStreamItem[] = [];
    const listen = async (after: string | undefined, until: string): Promise<string> => {
      for await (const item of api().events(after === undefined ? { past: true } : { after })) {
        heard.push(item);
        if (item.kind === 'event' && item.event.event === until) return item.event.id;
      }
      throw new Error('the events ended');
    };
    const id = await listen(undefined, 'ready');
    const begin = heard.length;
    const change = nextEvent(daemon, 'reloaded');
    await director.reload(config([4, 1]));
    await change;
    await listen(id, 'applied');
    const names = heard.slice(begin).map((item) => (item.kind === 'event' ? item.event.event : 'reset'));
    expect(names[0]).toBe('publish_service');
    expect(names).not.toContain('reset');
    const numbers = heard.map((item) => (item.kind === 'event' ? Number(item.event.id.split('-')[1]) : 0));
    expect(numbers).toEqual(numbers.map((_, at) => at + 1));
    const afterRestart = api().events({ after: 'otherlife-7' })[Symbol.asyncIterator]();
    expect((await afterRestart.next()).value).toMatchObject({ kind: 'reset' });
    await afterRestart.return?.();
  });

  it('answers over TCP with TLS, and only who shows the token', async () => {
    const { lab } = director;
    const ask = (path: string, ...more: string[]) =>
      lab.run(lab.servers[0]!, [
        ...['curl', '-sS', '--cacert', join(lab.runDir, 'cert.pem'), '-w', '\n%{http_code}'],
        ...[...more, `https://192.168.1.1:8443${path}`],
      ]);
    const [body, status] = (await ask('/v1/services', '-H', `Authorization: Bearer ${token}`)).split('\n');
    expect(status).toBe('200');
    expect(SCHEMAS.ServiceList.parse(JSON.parse(body!))).toHaveLength(2);
    expect((await ask('/v1/services')).split('\n').at(-1)).toBe('401');
    expect((await ask('/readyz', '-H', `Authorization: Bearer ${token}`)).split('\n').at(-1)).toBe('200');
    const plain = await lab.exec(lab.servers[0]!, ['curl', '-sS', 'http://192.168.1.1:8443/v1/status']);
    expect(plain.code).not.toBe(0);
  });

  it('ends the stream of events with the daemon, at once', async () => {
    const events = api().events({})[Symbol.asyncIterator]();
    const end = events.next().then(({ done, value }) => (done === true ? 'ended' : JSON.stringify(value)));
    expect((await daemon.stop(10_000)).code).toBe(0);
    // The event that says so may still get out; then the stream ends.
    expect(await end).toMatch(/^ended$|"event":"ended"/);
    expect(daemon.output()).toContain('"event":"ended"');
    expect(director.errors('apply_refused')).toEqual([]);
  });
});
