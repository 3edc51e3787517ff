// The page of a volunteer: what its owner wants to know of it.

import type { Page } from './layout.ts'

const main = `<p id="reasons" class="problem" role="status"></p>
<section aria-labelledby="now"><h2 id="now" class="hidden">Now</h2><dl id="tiles" class="tiles"></dl></section>
<section aria-labelledby="holds-title"><h2 id="holds-title">What it holds</h2><div id="holds" class="card"></div></section>
<section aria-labelledby="days-title"><h2 id="days-title">Day by day</h2>
<figure><div id="given" class="chart"></div><figcaption>What it gave each day, to clients, to its own network and to other volunteers.</figcaption></figure>
<div id="days"></div></section>
<section aria-labelledby="limits-title"><h2 id="limits-title">Its owner’s limits</h2><div id="limits"></div></section>`

const page: Page = {
  ...{ title: 'This volunteer', product: 'mirrorswarm volunteer', navigation: [], href: './' },
  ...{ script: 'volunteer', signIn: false, main },
}

export const volunteerPages: ReadonlyMap<string, Page> = new Map([['', page]])
