/** Borders between rooms: who may import whom. See ARCHITECTURE.md. */
const tests = '(\\.test|\\.fixture|\\.property\\.test)\\.ts$';

module.exports = {
  forbidden: [
    {
      name: 'core-is-pure',
      comment: 'core knows no clock, no I/O and no other room; of libraries only the address parser.',
      severity: 'error',
      from: { path: '^src/core/', pathNot: tests },
      to: { pathNot: ['^src/core/', '^node_modules/ipaddr\\.js/'] },
    },
    {
      name: 'config-is-pure',
      comment: 'A configuration is text in, values or problems out.',
      severity: 'error',
      from: { path: '^src/config/', pathNot: tests },
      to: { pathNot: ['^src/(core|config)/', '^node_modules/(zod|yaml)/'] },
    },
    {
      name: 'checks-know-only-what-to-ask',
      comment: 'What makes the checks runs in a thread of its own: it knows the model and the system calls, and nothing of who asks.',
      severity: 'error',
      from: { path: '^src/checks/' },
      to: { path: '^src/(dataplane|host|daemon|api|cli|lab|config|observe)/' },
    },
    {
      name: 'the-agent-is-small',
      comment: 'It runs on real servers, as nobody in particular: it knows nothing of directing.',
      severity: 'error',
      from: { path: '^src/agent/', pathNot: tests },
      to: {
        path: '^src/',
        pathNot: ['^src/(agent|core|observe)/', '^src/kernel/(durable|process-group)\\.ts'],
      },
    },
    {
      name: 'only-kernel-calls-c',
      comment: 'One room crosses into C.',
      severity: 'error',
      from: { pathNot: ['^src/kernel/', '^src/lab/', '^test/'] },
      to: { path: '^node_modules/koffi/' },
    },
    {
      name: 'planes-do-not-know-the-host',
      severity: 'error',
      from: { path: '^src/dataplane/' },
      to: { path: '^src/(host|daemon|api|cli|lab|config)/' },
    },
    {
      name: 'the-host-does-not-know-planes',
      severity: 'error',
      from: { path: '^src/host/' },
      to: { path: '^src/(dataplane|daemon|api|cli|lab|config)/' },
    },
    {
      name: 'cli-and-api-go-through-control',
      comment: 'The two verbs that need no daemon (run, down) reach it by the daemon room alone.',
      severity: 'error',
      from: { path: '^src/(cli|api)/', pathNot: tests },
      to: { path: '^src/(host|kernel|dataplane/bpf|dataplane/simulated|lab)/' },
    },
    {
      name: 'ipvsadm-knows-tables-alone',
      comment: 'It speaks to ip_vs by the client of that plane, and to the daemon by its API.',
      severity: 'error',
      from: { path: '^src/ipvsadm/', pathNot: tests },
      to: { path: '^src/(host|daemon|cli|lab|checks|observe|dataplane/(bpf|simulated))/' },
    },
    {
      name: 'nothing-needs-the-lab',
      severity: 'error',
      from: { path: '^(src|bin)/', pathNot: '^src/lab/' },
      to: { path: '^src/lab/' },
    },
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'] },
  },
};
