import assert from 'node:assert/strict'

/** Shapes that only a secret has: tokens of both kinds, and credentials after a scheme in `Authorization`. */
const SHAPES = [
  /\beyJ[\w-]{8,}\.eyJ[\w-]{8,}/,
  /berth_rt_[\w-]{8,}/,
  /\b(?:Basic|Bearer) +(?!realm=)[\w+/=.~-]{12,}/i,
]

/** Secrets sent or received by this process; long values only, a short one would be found by chance. */
const known = new Set<string>()

/** Remembers a secret that no log may hold. */
export function noteSecret(secret: string): void {
  if (secret.length >= 16) known.add(secret)
}

/** Fails if a log holds a secret that was noted, or anything of the shape of one. */
export function assertNoSecrets(log: string): void {
  for (const secret of known) {
    assert.ok(!log.includes(secret), `the log holds the secret ${secret.slice(0, 12)}...`)
  }
  for (const shape of SHAPES) assert.equal(shape.exec(log)?.[0], undefined, 'the log holds a credential')
}
