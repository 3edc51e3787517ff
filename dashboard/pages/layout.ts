// The frame of every page: head, navigation, landmarks. Pages are constant text; nothing of a
// repository or a volunteer is ever put into them here.

export interface Page {
  readonly title: string
  /** Named in the head of the page: "mirrorswarm origin". */
  readonly product: string
  /** Links beside each other; empty: there is one page only. */
  readonly navigation: readonly { readonly href: string; readonly text: string }[]
  /** This page's link. */
  readonly href: string
  /** The module in browser/ that brings it to life, without extension. */
  readonly script: string
  /** Whoever looks may be asked for the operator's token. */
  readonly signIn: boolean
  /** HTML inside the main landmark. */
  readonly main: string
}

const logo =
  '<svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">' +
  '<path d="M16 16 6 7M16 16 26 7M16 16v11"/><circle cx="16" cy="16" r="5"/>' +
  '<circle cx="6" cy="7" r="3.5"/><circle cx="26" cy="7" r="3.5"/><circle cx="16" cy="27" r="3.5"/></svg>'

const navigationOf = ({ navigation, href }: Page): string => {
  if (navigation.length === 0) return ''
  const items = navigation.map(
    link =>
      `<li><a href="${link.href}"${link.href === href ? ' aria-current="page"' : ''}>${link.text}</a></li>`,
  )
  return `<nav aria-label="Pages"><ul>${items.join('')}</ul></nav>`
}

const signIn = `<form id="sign-in" class="card sign-in" hidden>
<h2>For the operator</h2>
<p>This network is shown to its operator. The token was printed when the origin was started for the
first time, and is kept in <code>operator-token</code> in its data folder.</p>
<div class="field"><label for="token">Operator token</label>
<input id="token" name="token" type="password" autocomplete="current-password" spellcheck="false" required></div>
<p id="sign-in-problem" class="problem" role="alert"></p>
<button type="submit">Sign in</button>
</form>`

/** The whole document; `extension` is that of the scripts. */
export const renderPage = (page: Page, extension: 'ts' | 'js'): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${page.title} · ${page.product}</title>
<link rel="icon" href="./icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="./vendor/uplot.css">
<link rel="stylesheet" href="./style.css">
<script type="module" src="./browser/${page.script}.${extension}"></script>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header>
<div class="bar">
<p class="brand">${logo}<span>${page.product}</span></p>
<p id="link" class="link" role="status"><span class="dot" aria-hidden="true"></span><span id="link-text">connecting</span></p>
${page.signIn ? '<p id="who" class="who" hidden><button id="sign-out" type="button" class="quiet">Sign out</button></p>' : ''}
</div>
${navigationOf(page)}
</header>
<main id="main" tabindex="-1">
<h1>${page.title}</h1>
<noscript><p class="problem">This page shows live figures and needs JavaScript.</p></noscript>
${page.signIn ? signIn : ''}
<div id="content"${page.signIn ? ' hidden' : ''}>
${page.main}
</div>
</main>
</body>
</html>
`
