/** Most characters of a token that are taken as part of it. */
const REST = '{20,1024}'

/**
 * Credentials with first characters that no other text has: those of GitHub, GitLab, Docker Hub, npm, PyPI,
 * Amazon, Google, Slack, Stripe and Hugging Face, a JWT (RFC 7519), and anything in PEM, also if its end is cut off.
 */
const SHAPES: readonly string[] = [
  `gh[pousr]_[A-Za-z0-9]${REST}`,
  `github_pat_\\w${REST}`,
  `gl(?:pat|ptt|dt|rtr?|cbt|ft|soat|agent|oas|ffct|imt|wt)-[\\w.-]${REST}`,
  `dckr_(?:pat|oat)_[\\w-]${REST}`,
  `berth_(?:pat|robot|rt)_[\\w-]${REST}`,
  `npm_[A-Za-z0-9]${REST}`,
  `pypi-Ag[\\w-]${REST}`,
  '(?:AKIA|ASIA)[A-Z0-9]{16}',
  'AIza[\\w-]{35}',
  '(?:xox[abeoprs](?:\\.xox[abp])?|xapp-\\d)-[A-Za-z0-9-]{10,1024}',
  `[rs]k_live_\\w{16,1024}`,
  `hf_[A-Za-z0-9]${REST}`,
  // Only at the begin of a word: each place inside one would cost a look at the rest of it.
  '(?<=^|[^\\w-]|%[0-9A-F]{2})eyJ[\\w-]{8,}\\.[\\w-]+(?:\\.[\\w-]*)?',
  '-----BEGIN [A-Z0-9 ]{1,64}-----[\\s\\S]*?(?:-----END [A-Z0-9 ]{1,64}-----|$)',
]

const TOKEN = new RegExp(SHAPES.join('|'), 'g')
/** First characters of the shapes: most texts have none of them, and are done with one look. */
const BEGIN =
  /berth_|gh[pousr]_|github_|gl[a-z]{2,5}-|dckr_|npm_|pypi-A|A[KS]IA|AIza|xox|xapp-|k_live_|hf_|eyJ|-----BEGIN/

/** A text with this in place of each credential of a known shape. */
export function replaceTokens(text: string, by: string): string {
  return BEGIN.test(text) ? text.replace(TOKEN, by) : text
}
