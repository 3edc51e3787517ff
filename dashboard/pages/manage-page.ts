// What the page consists of on which operators enrol, publish, and settle volunteers, mirrors and
// clients. Constant text, as of all pages.

const enrol = `<section id="enrol" class="card" aria-labelledby="enrol-title"><h2 id="enrol-title">Enrol a volunteer</h2>
<form id="token-form"><div class="fields">
<div class="field"><label for="uses">Volunteers</label><input id="uses" type="number" min="1" max="1000000" value="1" required></div>
<div class="field"><label for="valid-days">Valid for days</label><input id="valid-days" type="number" min="1" max="365" value="7" required></div>
<div class="field"><label for="trust">Trust</label><select id="trust"><option value="full">full</option><option value="signed-only">signed files only</option></select></div>
</div><button type="submit">Make a token</button></form>
<div id="made" hidden><p>Paste this on the machine that will lend its disk and line<span id="install">, where mirrorswarm is installed (an origin with <code>--package</code> says how)</span>; <code>/srv/mirror</code> is the folder that it fills:</p>
<pre id="command" tabindex="0"></pre>
<div class="controls"><button type="button" id="copy">Copy</button><p id="waiting" role="status"></p></div></div></section>`

const publish = `<section class="card" aria-labelledby="publish-title"><h2 id="publish-title">Publish</h2>
<p id="published"></p>
<form id="publish-form"><label class="check"><input type="checkbox" id="shrink"> even if more than a tenth of the files is gone</label>
<button type="submit">Publish now</button></form>
<p id="publish-result" role="status"></p></section>`

const volunteers = `<section aria-labelledby="volunteers-title"><h2 id="volunteers-title">Volunteers</h2>
<p class="lead">A drained volunteer gets no new clients and goes on synchronising. A disabled one gets nothing.</p>
<p id="no-volunteers" class="empty" hidden>No volunteer is enrolled yet.</p>
<p id="action-result" role="status"></p><div id="volunteers" class="listed"></div></section>`

const mirrors = `<section aria-labelledby="mirrors-title"><h2 id="mirrors-title">Mirrors without our daemon</h2>
<p class="lead">An ordinary web server with the same files. The origin looks at it from outside, and sends clients there only for files that it has compared.</p>
<p id="mirror-action" role="status"></p><div id="mirrors" class="listed"></div>
<details class="card adding"><summary>Add a mirror</summary>
<form id="mirror-form"><div class="fields">
<div class="field"><label for="mirror-name">Name of the mirror</label><input id="mirror-name" required maxlength="63" pattern="[a-z0-9]([a-z0-9\\-]*[a-z0-9])?" title="a-z, 0-9 and -" autocomplete="off" spellcheck="false" placeholder="library"></div>
<div class="field"><label for="mirror-capacity">It can send, MB/s <span class="note">(if known)</span></label><input id="mirror-capacity" type="number" min="0.001" max="1000000" step="any"></div>
</div><div class="field"><label for="mirror-url">URL of its copy of this repository</label><input id="mirror-url" type="url" required maxlength="1024" autocomplete="off" spellcheck="false" placeholder="https://mirror.example.org/debian/"></div>
<label class="check"><input type="checkbox" id="mirror-open"> use it also where clients need credentials: whoever knows its URL can read it</label>
<button type="submit">Add the mirror</button></form>
<p id="mirror-result" role="status"></p></details></section>`

const clients = `<section aria-labelledby="clients-title"><h2 id="clients-title">Clients</h2>
<p id="clients-lead" class="lead"></p>
<p id="client-action" role="status"></p><div id="clients" class="listed"></div>
<details class="card adding"><summary>Add a client</summary>
<form id="client-form"><div class="fields">
<div class="field"><label for="client-name">Name of the client</label><input id="client-name" required maxlength="63" pattern="[A-Za-z0-9][A-Za-z0-9._\\-]*" title="letters, digits, . _ -" autocomplete="off" spellcheck="false" placeholder="physics-lab"></div></div>
<div class="field"><label for="client-paths">May read below these paths <span class="note">(one a line; everything if empty)</span></label><textarea id="client-paths" rows="2" spellcheck="false" placeholder="/pool/main/"></textarea></div>
<div class="field"><label for="client-networks">Is known by these networks <span class="note">(one a line; if empty, by a password that is made)</span></label><textarea id="client-networks" rows="2" spellcheck="false" placeholder="192.0.2.0/24"></textarea></div>
<button type="submit">Add the client</button></form>
<p id="client-result" role="status"></p>
<div id="secret" hidden><p>Its password is shown this once, and not kept:</p><pre id="secret-text" tabindex="0"></pre>
<div class="controls"><button type="button" id="copy-secret">Copy</button><button type="button" id="hide-secret" class="quiet">I have it</button></div></div></details></section>`

const settings = `<dialog id="settings" aria-labelledby="settings-title"><h2 id="settings-title"></h2>
<form id="settings-form"><div class="fields">
<div class="field"><label for="set-site">Site <span class="note">(none if empty)</span></label><input id="set-site" maxlength="63" autocomplete="off" spellcheck="false" placeholder="physics"></div>
<div class="field"><label for="set-weight">Weight <span class="note">(1 is usual)</span></label><input id="set-weight" type="number" min="0" max="1000" step="any" required></div>
<div class="field"><label for="set-trust">Trusted with</label><select id="set-trust"><option value="full">all files</option><option value="signed-only">signed files only</option></select></div>
</div><div class="field"><label for="set-networks">Networks whose clients go there first <span class="note">(one a line)</span></label><textarea id="set-networks" rows="3" spellcheck="false" placeholder="192.0.2.0/24"></textarea></div>
<p id="asked" hidden><span id="asked-text"></span> <button type="button" id="take-asked" class="quiet">Take these</button></p>
<p id="settings-problem" class="problem" role="alert"></p>
<div class="controls"><button type="submit">Save</button><button type="button" id="settings-cancel">Cancel</button></div></form></dialog>`

const sure = `<dialog id="sure" role="alertdialog" aria-labelledby="sure-title" aria-describedby="sure-text"><h2 id="sure-title"></h2>
<p id="sure-text"></p>
<div class="controls"><button type="button" id="sure-yes" class="danger">Remove</button><button type="button" id="sure-no" autofocus>Cancel</button></div></dialog>`

export const manage = `<p id="operators-only" class="empty" hidden>Sign in as the operator to change anything. <button type="button" id="sign-in-here">Sign in</button></p>
<div id="actions">
${[enrol, publish, volunteers, mirrors, clients].join('\n')}
</div>
${settings}
${sure}`
