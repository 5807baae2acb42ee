import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseConfig } from './parse.ts';
import { formatProblems } from './problems.ts';

it('reports all mistakes of a file at once, in words one is glad to meet', () => {
  const text = readFileSync(new URL('./fixtures/many-mistakes.yaml', import.meta.url), 'utf8');
  const result = parseConfig(text, 'weir.yaml');
  expect(result.ok ? 'nothing' : `\n${formatProblems(result.problems, text)}\n`).toMatchInlineSnapshot(`
    "
    weir.yaml:4:19: director.private[1]: eth0 is public already and cannot be private too (line 3)
      4 |   private: [eth1, eth0]
        |                   ^

    weir.yaml:8:16: vips[0].interface: "eht0" is not one of the director's interfaces; expected one of eth0, eth1; did you mean "eth0"?
      8 |     interface: eht0
        |                ^

    weir.yaml:9:12: vips[0].label: "eth0:public-side-1" is longer than 15 bytes; expected 1 to 15 bytes without white space, such as eth0:0
      9 |     label: eth0:public-side-1
        |            ^

    weir.yaml:12:16: timeouts.established: 15 has no unit; expected numbers with the units d, h, m, s, ms, such as 90s or 1h30m; did you mean "15s"?
      12 |   established: 15
         |                ^

    weir.yaml:18:5: services[0].sheduler: unknown key; expected one of protocol, address, port, ports, fwmark, family, scheduler, scheduler_flags, persistence, sloppy_tcp, secure_tcp, one_packet, timeouts, checks, quorum, hysteresis, panic_threshold, flap_damping, slow_start, slow_start_steps, start_as, on_failure, on_down, method, tunnel, servers, sorry_server, no_server; did you mean "scheduler"?
      18 |     sheduler: wlc
         |     ^

    weir.yaml:20:42: services[0].servers[0].weight: 70000 is not a weight; expected a whole number from 0 to 65,535
      20 |       - {address: 192.168.1.101, weight: 70000}
         |                                          ^

    weir.yaml:21:19: services[0].servers[1].address: "192.168.1.101:8080" has a port, which goes into "port"; expected an address such as 203.0.113.100 or 2001:db8::100; did you mean "192.168.1.101"?
      21 |       - {address: 192.168.1.101:8080}
         |                   ^

    weir.yaml:22:40: services[0].servers[2].port: "80" is text because of its quotes; expected a whole number from 0 to 65,535
      22 |       - {address: 192.168.1.103, port: "80"}
         |                                        ^

    weir.yaml:23:5: services[1]: tcp 203.0.113.100:80 is a service already (line 15)
      23 |   - protocol: tcp
         |     ^

    weir.yaml:26:16: services[1].scheduler: "wlx" is not a scheduler; expected one of rr, wrr, lc, wlc, sed, nq, fo, ovf, dh, sh, mh, twos, lblc, lblcr; did you mean "wlc"?
      26 |     scheduler: wlx
         |                ^

    weir.yaml:28:9: services[1].servers[0].address: missing; expected an address such as 203.0.113.100 or 2001:db8::100
      28 |       - port: 80
         |         ^

    weir.yaml:29:19: services[1].servers[1].address: 2001:db8::1 is IPv6, but the service is IPv4; expected an IPv4 address
      29 |       - {address: 2001:db8::1}
         |                   ^

    weir.yaml:30:5: services[1].port: this key is there already (line 25)
      30 |     port: 81
         |     ^

    weir.yaml:34:31: host.sysctls["net.ipv4.tcp_fin_timeout"]: true is not a value for a kernel parameter; expected a whole number, a list of them, or one line of at most 256 printable characters
      34 |     net.ipv4.tcp_fin_timeout: true
         |                               ^

    weir.yaml:35:5: host.sysctls["kernel.panic"]: not a net parameter; expected a name such as net.ipv4.tcp_fin_timeout
      35 |     kernel.panic: 1
         |     ^

    weir.yaml:38:21: limits.connections_ipv4: "1m" is not a count; expected a whole number from 16 to 16,777,216, which may end in K (× 1,024) or M (× 1,048,576); did you mean "1M"?
      38 |   connections_ipv4: 1m
         |                     ^
    "
  `);
});
