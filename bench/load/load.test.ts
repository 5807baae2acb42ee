import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.ts';
import { nginxStreamConfig, parseNginxBuild } from '../directors/nginx.ts';
import { weirConfig } from '../directors/weir.ts';
import { parseWrk } from './http.ts';
import { checkShares, parseReport } from './program.ts';

describe('what is read', () => {
  it('of wrk: every kind of error counts', () => {
    const clean =
      '  1 threads and 4 connections\n  46011 requests in 2.00s, 7.2MB read\nRequests/sec:  22990.1\n';
    expect(parseWrk(clean)).toEqual({ requests: 46_011, errors: 0 });
    const bad = `${clean}  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 5\n`;
    expect(parseWrk(bad).errors).toBe(15);
    expect(() => parseWrk('unable to connect')).toThrow('no count of requests');
  });

  it('of the programs: counts, and nothing that is not whole', () => {
    const report = { done: 3_522_428_875, errors: 2, servers: [1, 2, 3] };
    expect(parseReport(`${JSON.stringify(report)}\n`)).toEqual(report);
    expect(() => parseReport('')).toThrow('no count: ""');
    expect(() => parseReport('{"done":1,"errors":0}')).toThrow('no count');
    expect(() => parseReport('null')).toThrow('no count');
  });

  it('of nginx: where its stream module is, if it is a module', () => {
    const build = (flags: string): string =>
      `nginx version: nginx/1.22.1\nbuilt with OpenSSL\nconfigure arguments: --prefix=/usr/share/nginx ${flags} --with-stream_ssl_module`;
    expect(parseNginxBuild(build('--modules-path=/usr/lib/nginx/modules --with-stream=dynamic'))).toEqual({
      version: 'nginx/1.22.1',
      module: '/usr/lib/nginx/modules/ngx_stream_module.so',
    });
    expect(parseNginxBuild(build('--with-stream=dynamic')).module).toBe(
      '/usr/share/nginx/modules/ngx_stream_module.so',
    );
    expect(parseNginxBuild(build('--with-stream'))).toEqual({ version: 'nginx/1.22.1' });
    expect(() => parseNginxBuild(build('--with-mail'))).toThrow('no stream module');
  });
});

describe('connections', () => {
  it('are shared evenly by the real servers, or the turn is worth nothing', () => {
    expect(() => checkShares([1, 2, 3, 3, 2, 1], 3)).not.toThrow();
    expect(() => checkShares([1, 2, 3, 3, 3, 1], 3)).not.toThrow();
    expect(() => checkShares([1, 1, 1, 1, 2, 3], 3)).toThrow('4, 1, 1 connections, not about 2');
    expect(() => checkShares([1, 1, 2, 2], 3)).toThrow('2, 2, 0');
  });
});

describe('the configuration', () => {
  const servers = ['192.168.1.101', '192.168.1.102'];

  it.each(['tcp', 'udp'] as const)('Weir is measured with is a valid one (%s)', (protocol) => {
    const result = parseConfig(weirConfig({ protocol, port: 5001 }, servers), 'bench.yaml');
    expect(result).toMatchObject({
      ok: true,
      config: { services: [{ protocol, port: 5001, servers: [{ port: 5001 }, { port: 5001 }] }] },
    });
  });

  it('of nginx keeps the datagrams of a client in one process', () => {
    const build = { version: 'nginx/1.22.1', module: '/m.so' };
    const udp = nginxStreamConfig('/run/bench', build, { protocol: 'udp', port: 5002 }, servers);
    expect(udp).toContain('load_module /m.so;\n');
    expect(udp).toContain('listen 203.0.113.100:5002 udp reuseport;');
    expect(udp).toContain('server 192.168.1.102:5002;');
    const tcp = nginxStreamConfig('/run', { version: '' }, { protocol: 'tcp', port: 80 }, servers);
    expect(tcp).not.toContain('load_module');
    expect(tcp).toContain('listen 203.0.113.100:80 backlog=4096;');
  });
});
