// What each tier of closeness means, for people: the same words in explanations and on the page.

export const closenessTexts = {
  rule: 'by the operator’s rule',
  network: 'its own network',
  site: 'the same site',
  as: 'the same AS',
  country: 'the same country',
  rest: 'anywhere',
  family: 'has no IPv6 address',
} as const
