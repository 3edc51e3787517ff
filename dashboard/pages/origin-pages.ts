// The pages of an origin: what each consists of before it is brought to life.

import type { Page } from './layout.ts'
import { manage } from './manage-page.ts'

const navigation = [
  { href: './', text: 'Network' },
  { href: './releases', text: 'Releases' },
  { href: './traffic', text: 'Traffic' },
  { href: './redirects', text: 'Redirects' },
  { href: './explain', text: 'Explain' },
  { href: './manage', text: 'Manage' },
]

const product = 'mirrorswarm origin'

const network = `<p id="problem" class="problem" hidden></p>
<section aria-labelledby="at-a-glance"><h2 id="at-a-glance" class="hidden">At a glance</h2>
<dl id="tiles" class="tiles"></dl></section>
<section aria-labelledby="volunteers-title">
<div class="heading"><h2 id="volunteers-title">Volunteers</h2>
<div class="filters"><label>Site <select id="site"><option value="">all</option></select></label>
<label>Sort by <select id="order"><option value="name">name</option><option value="load">load</option>
<option value="lag">lag</option><option value="state">state</option></select></label></div></div>
<p id="no-volunteers" class="empty" hidden>No volunteer is enrolled yet. <a href="./manage#enrol">Enrol the first one</a>.</p>
<div id="volunteers"></div></section>
<section aria-labelledby="happenings-title"><h2 id="happenings-title">What happened</h2>
<ol id="happenings" class="happenings"></ol></section>`

const releases = `<section aria-labelledby="newest-title"><h2 id="newest-title">Newest snapshot</h2>
<dl id="tiles" class="tiles"></dl>
<figure><div id="chart" class="chart"></div><figcaption>Volunteers that had all they want of it, over the time since it was published.</figcaption></figure>
<div id="members"></div></section>
<section aria-labelledby="former-title"><h2 id="former-title">Former snapshots</h2><div id="former"></div></section>`

const traffic = `<dl id="tiles" class="tiles"></dl>
<section aria-labelledby="clients-title"><div class="heading"><h2 id="clients-title">To clients</h2>
<div class="filters"><label>Show <select id="span"><option value="900000">15 minutes</option>
<option value="3600000" selected>an hour</option><option value="86400000">a day</option>
<option value="172800000">two days</option></select></label></div></div>
<figure><div id="clients" class="chart"></div><figcaption>What volunteers and the origin send to clients. What the volunteers send is what the origin is spared.</figcaption></figure></section>
<section aria-labelledby="sync-title"><h2 id="sync-title">Synchronisation</h2>
<figure><div id="sync" class="chart"></div><figcaption>What volunteers exchange, what the origin sends to them and to BitTorrent clients, and what they found on their own disks, as they announce it.</figcaption></figure></section>
<details><summary>Traffic over time as a table</summary><div id="table"></div></details>
<section aria-labelledby="by-volunteer-title"><h2 id="by-volunteer-title">By volunteer</h2>
<p class="lead">What each gave and got since this origin was started, as it announced.</p>
<p id="no-volunteers" class="empty" hidden>No volunteer has announced anything yet.</p>
<div id="by-volunteer" class="listed"></div></section>`

const redirects = `<p class="lead">Redirects as they happen, for the operator only: a few a second, clients by their network (/24 or /48) and never by their address.</p>
<p id="operators-only" class="empty" hidden>Sign in as the operator to see redirects. <button type="button" id="sign-in-here">Sign in</button></p>
<div id="controls" class="controls"><button type="button" id="pause" aria-pressed="false">Pause</button>
<p id="count" role="status"></p></div>
<p id="none" class="empty">None so far. Clients that ask for a file now appear here.</p>
<div id="redirects"></div>`

const explain = `<p class="lead">Why did this client get that volunteer? The answer is made by the very code that redirects, and changes nothing.</p>
<form id="ask" class="card">
<div class="field"><label for="path">Path or URL of a file</label>
<input id="path" name="path" required autocomplete="off" spellcheck="false" placeholder="/pool/main/h/hello/hello_2.12-1_amd64.deb"></div>
<div class="field"><label for="from">Address of the client <span class="note">(yours if empty; for operators)</span></label>
<input id="from" name="from" autocomplete="off" spellcheck="false" placeholder="192.0.2.7"></div>
<button type="submit">Explain</button></form>
<p id="ask-problem" class="problem" role="alert"></p>
<section id="answer" aria-live="polite" aria-labelledby="verdict" hidden><h2 id="verdict" tabindex="-1"></h2>
<p id="about" class="lead"></p><div id="accepted"></div><div id="refused"></div></section>`

const page = (title: string, href: string, script: string, main: string): Page => ({
  ...{ title, product, navigation, href, script, main },
  signIn: true,
})

export const originPages: ReadonlyMap<string, Page> = new Map([
  ['', page('Network', './', 'network', network)],
  ['releases', page('Releases', './releases', 'releases', releases)],
  ['traffic', page('Traffic', './traffic', 'traffic', traffic)],
  ['redirects', page('Redirects', './redirects', 'redirects', redirects)],
  ['explain', page('Explain', './explain', 'explain', explain)],
  ['manage', page('Manage', './manage', 'manage', manage)],
])
