// Files of the repository and the dashboard come from the same server, and a browser would let a page
// among those files read what the operator's tab keeps. So such pages get an origin of their own.

/** Types in which a browser runs scripts. */
const active = /^(?:text\/html|image\/svg\+xml|application\/(?:xhtml\+)?xml)\b/

/** Headers of a repository file of this type: its scripts run, but apart from the dashboard. */
export const sandboxHeaders = (contentType: string): Readonly<Record<string, string>> =>
  active.test(contentType)
    ? {
        'content-security-policy': 'sandbox allow-scripts allow-forms allow-popups allow-downloads',
      }
    : {}
