import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchesCryptHash } from './crypt-hash.ts'
import { matchesDigestHash } from './digest-hash.ts'
import { md5Crypt } from './md5-crypt.ts'
import { shaCrypt } from './sha-crypt.ts'

const LONG_TEXT = 'a very much longer text to encrypt.  This one even stretches over morethan one line.'
const SHORT_SALT = 'we have a short salt string but not a short password'
const TOO_LOW = 'the minimum number is still observed'

interface ShaVector {
  readonly digest: 'sha256' | 'sha512'
  readonly rounds?: number
  readonly salt: string
  readonly password: string
  readonly hash: string
}

/** From Ulrich Drepper's "Unix crypt using SHA-256 and SHA-512". */
const SHA_VECTORS: readonly ShaVector[] = [
  {
    digest: 'sha256',
    salt: 'saltstring',
    password: 'Hello world!',
    hash: '$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5',
  },
  {
    digest: 'sha256',
    rounds: 5000,
    salt: 'saltstring',
    password: 'Hello world!',
    hash: '$5$rounds=5000$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5',
  },
  {
    digest: 'sha256',
    rounds: 10000,
    salt: 'saltstringsaltstring',
    password: 'Hello world!',
    hash: '$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA',
  },
  {
    digest: 'sha256',
    rounds: 5000,
    salt: 'toolongsaltstring',
    password: 'This is just a test',
    hash: '$5$rounds=5000$toolongsaltstrin$Un/5jzAHMgOGZ5.mWJpuVolil07guHPvOW8mGRcvxa5',
  },
  {
    digest: 'sha256',
    rounds: 1400,
    salt: 'anotherlongsaltstring',
    password: LONG_TEXT,
    hash: '$5$rounds=1400$anotherlongsalts$Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1',
  },
  {
    digest: 'sha256',
    rounds: 77777,
    salt: 'short',
    password: SHORT_SALT,
    hash: '$5$rounds=77777$short$JiO1O3ZpDAxGJeaDIuqCoEFysAe1mZNJRs3pw0KQRd/',
  },
  {
    digest: 'sha256',
    rounds: 123456,
    salt: 'asaltof16chars..',
    password: 'a short string',
    hash: '$5$rounds=123456$asaltof16chars..$gP3VQ/6X7UUEW3HkBn2w1/Ptq2jxPyzV/cZKmF/wJvD',
  },
  {
    digest: 'sha256',
    rounds: 10,
    salt: 'roundstoolow',
    password: TOO_LOW,
    hash: '$5$rounds=1000$roundstoolow$yfvwcWrQ8l/K0DAWyuPMDNHpIVlTQebY9l/gL972bIC',
  },
  {
    digest: 'sha512',
    salt: 'saltstring',
    password: 'Hello world!',
    hash: '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
  },
  {
    digest: 'sha512',
    rounds: 5000,
    salt: 'saltstring',
    password: 'Hello world!',
    hash: '$6$rounds=5000$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
  },
  {
    digest: 'sha512',
    rounds: 10000,
    salt: 'saltstringsaltstring',
    password: 'Hello world!',
    hash: '$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.',
  },
  {
    digest: 'sha512',
    rounds: 5000,
    salt: 'toolongsaltstring',
    password: 'This is just a test',
    hash: '$6$rounds=5000$toolongsaltstrin$lQ8jolhgVRVhY4b5pZKaysCLi0QBxGoNeKQzQ3glMhwllF7oGDZxUhx1yxdYcz/e1JSbq3y6JMxxl8audkUEm0',
  },
  {
    digest: 'sha512',
    rounds: 1400,
    salt: 'anotherlongsaltstring',
    password: LONG_TEXT,
    hash: '$6$rounds=1400$anotherlongsalts$POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1',
  },
  {
    digest: 'sha512',
    rounds: 77777,
    salt: 'short',
    password: SHORT_SALT,
    hash: '$6$rounds=77777$short$WuQyW2YR.hBNpjjRhpYD/ifIw05xdfeEyQoMxIXbkvr0gge1a1x3yRULJ5CCaUeOxFmtlcGZelFl5CxtgfiAc0',
  },
  {
    digest: 'sha512',
    rounds: 123456,
    salt: 'asaltof16chars..',
    password: 'a short string',
    hash: '$6$rounds=123456$asaltof16chars..$BtCwjqMJGx5hrJhZywWvt0RLE8uZ4oPwcelCjmw2kSYu.Ec6ycULevoBK25fs2xXgMNrCzIMVcgEJAstJeonj1',
  },
  {
    digest: 'sha512',
    rounds: 10,
    salt: 'roundstoolow',
    password: TOO_LOW,
    hash: '$6$rounds=1000$roundstoolow$kUMsbe306n21p9R.FRkW3IGn.S9NPN0x50YhH1xhLsPuWGsUSklZt58jaTfF4ZEQpyUNGc0dqbpBYYBaHHrsX.',
  },
]

for (const { digest, rounds, salt, password, hash } of SHA_VECTORS) {
  test(`\`shaCrypt()\` gives what the specification does: ${hash.slice(0, 40)}`, () => {
    assert.equal(shaCrypt(Buffer.from(password), { digest, salt, rounds }), hash)
  })
}

test('`shaCrypt()` and `md5Crypt()` take an empty password and an empty salt', () => {
  const empty = Buffer.alloc(0)
  assert.equal(
    shaCrypt(empty, { digest: 'sha256', salt: 'saltstri', rounds: undefined }),
    '$5$saltstri$jte1kPf7nnA2uTRibsoFT.rXshzzGIKTqDkbd5jvjo3',
  )
  assert.equal(
    shaCrypt(empty, { digest: 'sha512', salt: 'saltstri', rounds: undefined }),
    '$6$saltstri$T3Eg871e6aRWvOV9XCx29a5tlIMnBCjbv7z0wYg7qsPWmcUO1obsBtN2ArjbTLBa10QfQdeFdS40oDo0OWAIg/',
  )
  assert.equal(md5Crypt(empty, { prefix: '$1$', salt: 'saltstri' }), '$1$saltstri$ciR2otLVXV8I9sOPWbLTc1')
  assert.equal(md5Crypt(Buffer.from('empty salt'), { prefix: '$1$', salt: '' }), '$1$$ObZkFeusGD7Pq0bDVWvPA/')
})

/** Made by libxcrypt and `openssl passwd`. */
const CRYPT_HASHES: readonly (readonly [password: string, hash: string])[] = [
  ['password', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.aDV7CQarKHMuNfh2oJkFzsHZya4whFe'],
  ['pässwörd', '$2y$04$abcdefghijklmnopqrstuuyx2n0Zzopyr9QuYTMCfOJJOj526QVoC'],
  ['x'.repeat(80), '$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i'],
  ['Hello world!', '$1$saltstri$YMyguxXMBpd2TEZ.vS/3q1'],
  ['pässwörd, lang genug', '$1$s$PhhZt3EpLpTXkR2lvCixk1'],
  ['Hello world!', '$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5'],
  ['rounds', '$5$rounds=1234$rounds=12$I.LeAXgtHbr.NkEs0MAtOyBpi6wXgCWDkeCDkxvUDbB'],
  [
    'Hello world!',
    '$6$rounds=1400$anotherlongsalts$5FGyu8c4BZDX4wJgs0Un26YOw2XibT5eTkHF1I1aP3QqStoJI9BHD2YPJYsAjEePVGUyBjdZxcNqMWlrrbIOC.',
  ],
  ['openssl?', 'rqOsOXCzjrtac'],
  ['pw', 'abzlUXK5ed5rs'],
  ['ünï', 'abcStryHWIcpw'],
  ['longer than eight', './yPRzyX/WeSM'],
  ['password', '$apr1$xxxxxxxx$dxHfLAsjHkDRmG83UXe8K0'],
  ['pässwörd', '$apr1$xxxxxxxx$UbdarDGlMfPmvIMvPCQYF0'],
]

for (const [password, hash] of CRYPT_HASHES) {
  test(`\`matchesCryptHash()\` tells the password of ${hash.slice(0, 20)}`, async () => {
    assert.equal(await matchesCryptHash(password, hash), true)
    assert.equal(await matchesCryptHash(`y${password}`, hash), false)
    assert.equal(await matchesCryptHash('', hash), false)
    const last = hash.at(-1) === '/' ? 'A' : '/'
    assert.equal(await matchesCryptHash(password, `${hash.slice(0, -1)}${last}`), false)
    // crypt(3) ends at a zero, and would take only the beginning of such a password.
    assert.equal(await matchesCryptHash(`${password}\0x`, hash), false)
  })
}

test('`matchesCryptHash()` looks at 72 bytes with bcrypt, and at eight with DES', async () => {
  const [bcrypt, des] = [
    CRYPT_HASHES.find(([password]) => password.length === 80)?.[1] ?? '',
    './yPRzyX/WeSM',
  ]
  assert.equal(await matchesCryptHash('x'.repeat(72), bcrypt), true)
  assert.equal(await matchesCryptHash('x'.repeat(71), bcrypt), false)
  assert.equal(await matchesCryptHash('longer than you think', des), true)
  assert.equal(await matchesCryptHash('longer ', des), false)
})

test('`matchesCryptHash()` refuses what is no hash of crypt', async () => {
  for (const hash of ['', 'x', '{PLAIN}x', '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', '$9$a$b']) {
    await assert.rejects(matchesCryptHash('x', hash))
  }
})

const DIGEST_HASHES: readonly (readonly [password: string, hash: string])[] = [
  ['password', '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g='],
  ['pässwörd', '{SSHA}BISytF924CQwUjiaQ5YN5OjNbK9zYWx0'],
  ['password', '{SSHA}cDpquJU/2Y1AJIlfjB6lEifyBw0AAAAAAAAAAAAAAAAAAAAA'],
  ['{PLAIN}x:', '{PLAIN}{PLAIN}x:'],
  ['pässwörd ', '{PLAIN}pässwörd '],
]

for (const [password, hash] of DIGEST_HASHES) {
  test(`\`matchesDigestHash()\` tells the password of ${hash.slice(0, 10)}`, () => {
    assert.equal(matchesDigestHash(password, hash), true)
    for (const other of ['', `${password} `, password.slice(0, -1), hash]) {
      assert.equal(matchesDigestHash(other, hash), false)
    }
  })
}

test('`matchesDigestHash()` matches nothing with a text of another form, or of another length', () => {
  for (const hash of ['', 'password', '{SHA}', '{SHA}W6ph', '{SSHA}', '{sha}W6ph5Mm5Pz8GgiULbPgzG37mj9g=']) {
    assert.equal(matchesDigestHash('password', hash), false)
  }
})
