// The list of commands, in the order of the help. A command stands here only when it works.

import { type Command, defineCommand } from './command.ts'
import { optionTables } from './options.ts'

const data = '--data /srv/repo.mirrorswarm'

export const commands: readonly Command[] = [
  defineCommand({
    name: 'origin',
    summary: 'Serve a repository, publish its changes and redirect clients to volunteers',
    options: optionTables.origin,
    examples: [
      'origin /srv/repo --public-url http://repo.example.org/',
      'origin /srv/repo --listen 127.0.0.1:8080 --settle 5s',
      'origin --config /etc/mirrorswarm/origin.yaml',
    ],
    load: async () => (await import('./commands/origin.ts')).runOrigin,
  }),
  defineCommand({
    name: 'volunteer',
    summary: 'Mirror a repository into a folder and serve the clients that its origin sends',
    options: optionTables.volunteer,
    examples: [
      'volunteer /srv/mirror --origin http://repo.example.org/ --token TOKEN',
      'volunteer /srv/mirror --origin http://repo.example.org/ --upload-limit 10MB/s',
      'volunteer --config /etc/mirrorswarm/volunteer.yaml',
    ],
    load: async () => (await import('./commands/volunteer.ts')).runVolunteer,
  }),
  defineCommand({
    name: 'publish',
    summary: 'Publish the tree as it is now, as a new snapshot',
    options: optionTables.publish,
    examples: [`publish ${data}`, `publish ${data} --allow-shrink`],
    load: async () => (await import('./commands/publish.ts')).runPublish,
  }),
  defineCommand({
    name: 'prune',
    summary: 'Forget old snapshots and remove copies that nobody needs any more',
    options: optionTables.prune,
    examples: [`prune ${data}`, `prune ${data} --keep 7d`],
    load: async () => (await import('./commands/prune.ts')).runPrune,
  }),
  defineCommand({
    name: 'backup',
    summary: "Copy an origin's data folder, also while the origin runs",
    options: optionTables.backup,
    examples: [`backup /var/backups/mirrorswarm-monday ${data}`],
    load: async () => (await import('./commands/backup.ts')).runBackup,
  }),
  defineCommand({
    name: 'token create',
    summary: 'Make a token with which volunteers enrol',
    options: optionTables.tokenCreate,
    examples: [`token create ${data}`, `token create ${data} --uses 10 --expires 30d`],
    load: async () => (await import('./commands/token-create.ts')).runTokenCreate,
  }),
  defineCommand({
    name: 'client add',
    summary: 'Let a client read, where the origin requires credentials, and print its secret once',
    options: optionTables.clientAdd,
    examples: [
      `client add lab-7 ${data}`,
      `client add partner ${data} --path /pool/main --path /dists/stable`,
      `client add campus ${data} --network 192.0.2.0/24`,
    ],
    load: async () => (await import('./commands/client.ts')).runClientAdd,
  }),
  defineCommand({
    name: 'client list',
    summary: 'List the clients with what they may read',
    options: optionTables.clientList,
    examples: [`client list ${data}`, `client list ${data} --json`],
    load: async () => (await import('./commands/client.ts')).runClientList,
  }),
  defineCommand({
    name: 'client revoke',
    summary: 'Let a client read no more, from now on',
    options: optionTables.oneClient,
    examples: [`client revoke lab-7 ${data}`],
    load: async () => (await import('./commands/client.ts')).runClientRevoke,
  }),
  defineCommand({
    name: 'volunteers list',
    summary: 'List the volunteers with their state and load',
    options: optionTables.volunteersList,
    examples: [
      `volunteers list ${data}`,
      `volunteers list --origin http://repo.example.org/ --json`,
    ],
    load: async () => (await import('./commands/volunteers.ts')).runList,
  }),
  defineCommand({
    name: 'volunteers show',
    summary: 'Show all that is known of one volunteer',
    options: optionTables.oneVolunteer,
    examples: [`volunteers show physics ${data}`],
    load: async () => (await import('./commands/volunteers.ts')).runShow,
  }),
  defineCommand({
    name: 'volunteers add',
    summary: 'Send clients to a mirror that does not run mirrorswarm, for what it proves to hold',
    options: optionTables.volunteerAdd,
    examples: [`volunteers add physics --mirror http://mirror.example.org/debian/ ${data}`],
    load: async () => (await import('./commands/volunteers.ts')).runAdd,
  }),
  defineCommand({
    name: 'volunteers enable',
    summary: 'Let a volunteer serve again that was disabled or drained',
    options: optionTables.oneVolunteer,
    examples: [`volunteers enable physics ${data}`],
    load: async () => (await import('./commands/volunteers.ts')).runEnable,
  }),
  defineCommand({
    name: 'volunteers disable',
    summary: 'Send no client to a volunteer until it is enabled again',
    options: optionTables.oneVolunteer,
    examples: [`volunteers disable physics ${data}`],
    load: async () => (await import('./commands/volunteers.ts')).runDisable,
  }),
  defineCommand({
    name: 'volunteers drain',
    summary: 'Let a volunteer finish with its clients and send it no new ones',
    options: optionTables.oneVolunteer,
    examples: [`volunteers drain physics ${data}`],
    load: async () => (await import('./commands/volunteers.ts')).runDrain,
  }),
  defineCommand({
    name: 'volunteers weight',
    summary: 'Send a volunteer more or less than its part',
    options: optionTables.volunteerWeight,
    examples: [`volunteers weight physics 0.5 ${data}`],
    load: async () => (await import('./commands/volunteers.ts')).runWeight,
  }),
  defineCommand({
    name: 'volunteers trust',
    summary: 'Let a volunteer serve everything, or only what signed indexes name',
    options: optionTables.volunteerTrust,
    examples: [`volunteers trust physics signed-only ${data}`],
    load: async () => (await import('./commands/volunteers.ts')).runTrust,
  }),
  defineCommand({
    name: 'volunteers site',
    summary: 'Name the place where a volunteer stands',
    options: optionTables.volunteerSite,
    examples: [`volunteers site physics north-campus ${data}`],
    load: async () => (await import('./commands/volunteers.ts')).runSite,
  }),
  defineCommand({
    name: 'volunteers networks',
    summary: 'Approve the networks whose clients go to a volunteer first, or show them',
    options: optionTables.volunteerNetworks,
    examples: [
      `volunteers networks physics --asked ${data}`,
      `volunteers networks physics --network 10.1.0.0/16 ${data}`,
    ],
    load: async () => (await import('./commands/volunteers.ts')).runNetworks,
  }),
  defineCommand({
    name: 'volunteers remove',
    summary: 'Forget a volunteer; it would have to enrol anew',
    options: optionTables.oneVolunteer,
    examples: [`volunteers remove physics ${data}`],
    load: async () => (await import('./commands/volunteers.ts')).runRemove,
  }),
  defineCommand({
    name: 'explain',
    summary: 'Show which volunteer would serve a path, which would not, and why',
    options: optionTables.explain,
    examples: [
      `explain pool/main/h/hello.deb ${data}`,
      `explain pool/big.iso ${data} --from 192.0.2.7`,
    ],
    load: async () => (await import('./commands/explain.ts')).runExplain,
  }),
  defineCommand({
    name: 'rescue-zone',
    summary:
      'Print the records of a DNS zone whose names lead to the origin where a volunteer is dead',
    options: optionTables.rescueZone,
    examples: [
      `rescue-zone mirrors.example.org --public-url http://repo.example.org/ ${data}`,
      `rescue-zone mirrors.example.org --public-url http://repo.example.org/ --address 192.0.2.9 ${data}`,
    ],
    load: async () => (await import('./commands/rescue-zone.ts')).runRescueZone,
  }),
  defineCommand({
    name: 'fetch',
    summary: 'Download a file from several volunteers at once, and verify it',
    options: optionTables.fetch,
    examples: [
      'fetch http://repo.example.org/images/large.iso',
      'fetch http://repo.example.org/images/large.iso -o /tmp/image.iso --root-key gTl3Dqh9F19Wo1Rmw0x-zMuNipG07jeiXfYPW4_Js5Q',
      'fetch https://user:secret@repo.example.org/data.tar -o -',
    ],
    load: async () => (await import('./commands/fetch.ts')).runFetch,
  }),
  defineCommand({
    name: 'status',
    summary: 'Show how an origin and its volunteers are, or one volunteer',
    options: optionTables.status,
    examples: [
      `status ${data}`,
      'status --origin http://repo.example.org/',
      'status --url http://physics.example.org:8090/ --json',
    ],
    load: async () => (await import('./commands/status.ts')).runStatus,
  }),
  defineCommand({
    name: 'completion',
    summary: 'Print a script by which a shell completes commands and options',
    options: optionTables.completion,
    examples: [
      'completion bash > /etc/bash_completion.d/mirrorswarm',
      'completion zsh > /usr/local/share/zsh/site-functions/_mirrorswarm',
      'completion fish > ~/.config/fish/completions/mirrorswarm.fish',
    ],
    load: async () => (await import('./commands/completion.ts')).runCompletion,
  }),
  defineCommand({
    name: 'demo',
    summary: 'Show it all on this machine: an origin, three volunteers and real clients',
    options: optionTables.demo,
    examples: ['demo', 'demo --once'],
    load: async () => (await import('./commands/demo.ts')).runDemo,
  }),
]
