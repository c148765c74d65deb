import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { makeAcmeRoom, settle, wishFor } from '../../../../test/support/acme/acme-room.ts'
import { problemReply, ScriptedAcmeServer } from '../../../../test/support/acme/scripted-acme-server.ts'
import type { AcmeErrorCode } from './requests/acme-error.ts'

const DAY_MS = 24 * 3600 * 1000
const NAME = 'app.example.com'

/** Behaviour of a CA, and the resulting message for the operator. */
interface BadCa {
  readonly title: string
  readonly arrange: (ca: ScriptedAcmeServer) => void
  readonly code: AcmeErrorCode
  readonly message: RegExp
  readonly remedy: RegExp
}

const URN = 'urn:ietf:params:acme:error:'

const ROWS: readonly BadCa[] = [
  {
    title: 'turns down every nonce',
    arrange: (ca) => ca.script('account', problemReply('badNonce', 'JWS has an invalid anti-replay nonce')),
    code: 'ACME_REFUSED',
    message: /badNonce: JWS has an invalid anti-replay nonce/,
    remedy: /every nonce/,
  },
  {
    title: 'gives no nonce',
    arrange: (ca) => ca.script('nonce', { headers: { 'replay-nonce': '' } }),
    code: 'ACME_RESPONSE_INVALID',
    message: /gave no nonce/,
    remedy: /acme-directory/,
  },
  {
    title: 'answers 500 without a word',
    arrange: (ca) => ca.script('order', { status: 500, body: '<h1>Oops</h1>' }),
    code: 'ACME_REFUSED',
    message: /status 500 without an explanation/,
    remedy: /tries again/,
  },
  {
    title: 'refuses two of the names',
    arrange: (ca) =>
      ca.script(
        'order',
        problemReply('rejectedIdentifier', 'Error creating new order', {
          status: 403,
          body: {
            subproblems: [
              {
                type: `${URN}rejectedIdentifier`,
                detail: 'forbidden by policy',
                identifier: { type: 'dns', value: 'a.example.com' },
              },
              {
                type: `${URN}caa`,
                detail: 'CAA forbids',
                identifier: { type: 'dns', value: 'b.example.com' },
              },
            ],
          },
        }),
      ),
    code: 'ACME_REFUSED',
    message: /a\.example\.com: rejectedIdentifier: forbidden by policy; b\.example\.com: caa: CAA forbids/,
    remedy: /public DNS name/,
  },
  {
    title: 'cannot reach us',
    arrange: (ca) => {
      ca.judge = ({ name }) => ({
        type: `${URN}connection`,
        detail: `192.0.2.7: Fetching http://${name}/: Timeout`,
      })
    },
    code: 'ACME_CHALLENGE_FAILED',
    message: /could not check app\.example\.com by http-01: connection: 192\.0\.2\.7: Fetching .*Timeout/,
    remedy: /port 80 must be open/,
  },
  {
    title: 'sends a certificate for another key',
    arrange: (ca) => {
      ca.forge = { key: true }
    },
    code: 'ACME_CERTIFICATE_UNUSABLE',
    message: /is not for the requested key; the one in use is kept/,
    remedy: /fault of the CA/,
  },
  {
    title: 'sends a certificate for other names',
    arrange: (ca) => {
      ca.forge = { names: ['other.example.com'] }
    },
    code: 'ACME_CERTIFICATE_UNUSABLE',
    message: /lacks app\.example\.com/,
    remedy: /fault of the CA/,
  },
  {
    title: 'sends a chain that does not belong to the certificate',
    arrange: (ca) => {
      ca.forge = { chain: true }
    },
    code: 'ACME_CERTIFICATE_UNUSABLE',
    message: /did not sign the one before: CN=Other CA/,
    remedy: /fault of the CA/,
  },
  {
    title: 'sends a certificate that has expired',
    arrange: (ca) => {
      const { clock } = ca
      ca.clock = () => clock() - 100 * DAY_MS
    },
    code: 'ACME_CERTIFICATE_UNUSABLE',
    message: /has expired on/,
    remedy: /fault of the CA/,
  },
  {
    title: 'sends no certificate',
    arrange: (ca) => ca.script('cert', { body: 'Not found' }),
    code: 'ACME_RESPONSE_INVALID',
    message: /JSON that cannot be read/,
    remedy: /acme-directory/,
  },
  {
    title: 'sends broken JSON',
    arrange: (ca) => ca.script('order', { status: 201, body: '{"status":' }),
    code: 'ACME_RESPONSE_INVALID',
    message: /JSON that cannot be read/,
    remedy: /acme-directory/,
  },
  {
    title: 'sends a directory that is a web page',
    arrange: (ca) => ca.script('directory', { headers: { 'content-type': 'text/html' }, body: '<html>' }),
    code: 'ACME_RESPONSE_INVALID',
    message: /JSON that cannot be read/,
    remedy: /acme-directory/,
  },
  {
    title: 'sends a directory without a place for orders',
    arrange: (ca) => ca.script('directory', { body: { newNonce: `${ca.directoryUrl}/n`, newAccount: 'x' } }),
    code: 'ACME_RESPONSE_INVALID',
    message: /without the URL "newAccount"/,
    remedy: /acme-directory/,
  },
  {
    title: 'leads to plain HTTP elsewhere',
    arrange: (ca) => {
      const elsewhere = 'http://ca.example.com/x'
      ca.script('directory', { body: { newNonce: elsewhere, newAccount: elsewhere, newOrder: elsewhere } })
    },
    code: 'ACME_RESPONSE_INVALID',
    message: /not an https URL: http:\/\/ca\.example\.com/,
    remedy: /acme-directory/,
  },
  {
    title: 'has moved',
    arrange: (ca) =>
      ca.script('directory', { status: 301, headers: { location: 'https://ca.example.com/' } }),
    code: 'ACME_RESPONSE_INVALID',
    message: /answered 301/,
    remedy: /acme-directory/,
  },
  {
    title: 'sends without end',
    arrange: (ca) => ca.script('order', { body: 'x'.repeat(2_000_000) }),
    code: 'ACME_RESPONSE_INVALID',
    message: /more than 512 KiB/,
    remedy: /what stands between/,
  },
  {
    title: 'sends a challenge whose token is a path',
    arrange: (ca) =>
      ca.script('authz', () => ({
        body: {
          status: 'pending',
          identifier: { type: 'dns', value: NAME },
          challenges: [{ type: 'http-01', url: ca.directoryUrl, token: '../../etc/passwd' }],
        },
      })),
    code: 'ACME_RESPONSE_INVALID',
    message: /malformed token/,
    remedy: /acme-directory/,
  },
  {
    title: 'takes only ways that are not set up',
    arrange: (ca) =>
      ca.script('authz', () => ({
        body: {
          status: 'pending',
          identifier: { type: 'dns', value: NAME },
          challenges: [{ type: 'dns-01', url: ca.directoryUrl, token: 'a'.repeat(22) }],
        },
      })),
    code: 'ACME_CHALLENGE_UNAVAILABLE',
    message: /the CA takes dns-01, and set up here is http-01, tls-alpn-01/,
    remedy: /acme-challenge/,
  },
  {
    title: 'gives up the order',
    arrange: (ca) =>
      ca.script('finalize', ({ rest }) => ({
        body: {
          status: 'invalid',
          authorizations: [`${ca.directoryUrl}/${rest[0]}`],
          finalize: ca.directoryUrl,
          error: { type: `${URN}caa`, detail: 'CAA record for example.com prevents issuance' },
        },
      })),
    code: 'ACME_REFUSED',
    message: /caa: CAA record for example\.com prevents issuance/,
    remedy: /CAA record/,
  },
  {
    title: 'knows only accounts made beforehand',
    arrange: (ca) => {
      ca.meta = { externalAccountRequired: true }
    },
    code: 'ACME_REFUSED',
    message: /external account binding/,
    remedy: /acme-eab-key-id/,
  },
  {
    title: 'has closed our account',
    arrange: (ca) => {
      ca.script('order', problemReply('unauthorized', 'account is deactivated', { status: 401 }))
      ca.script('account', ({ rest }) =>
        rest.length === 0 ? undefined : { body: { status: 'deactivated' } },
      )
    },
    code: 'ACME_REFUSED',
    message: /has closed the account .*account is deactivated/,
    remedy: /remove accounts\/127\.0\.0\.1-[0-9a-f]{12}\.json/,
  },
  {
    title: 'writes control characters',
    arrange: (ca) => ca.script('order', problemReply('malformed', 'a\u001b[2Jb\nc\u202Ed')),
    code: 'ACME_REFUSED',
    message: /malformed: a \[2Jb c d$/,
    remedy: /tries again/,
  },
]

describe('A CA that', () => {
  for (const row of ROWS)
    test(`${row.title} leaves the certificate in use, and is reported to the operator`, async () => {
      await using ca = await ScriptedAcmeServer.start()
      await using room = await makeAcmeRoom({ directory: ca.directoryUrl })
      ca.clock = () => room.clock.now
      await settle(room, wishFor([NAME]))
      const before = room.keeper.pairs.get(NAME)
      // A new data folder, so that the account is made anew, too.
      await using later = await makeAcmeRoom({ directory: ca.directoryUrl })
      if (before !== undefined) later.keeper.pairs.set(NAME, before)
      later.clock.now = room.clock.now + 89 * DAY_MS
      row.arrange(ca)
      const status = await settle(later, wishFor([NAME]))
      assert.equal(status.lastError?.code, row.code, JSON.stringify(status.lastError))
      assert.match(status.lastError?.message ?? '', row.message)
      assert.match(status.lastError?.remedy ?? '', row.remedy)
      assert.equal(status.state, 'valid')
      assert.equal(later.keeper.pairs.get(NAME), before)
      assert.equal(later.keeper.installs.length, 0)
      assert.ok((status.nextAttemptAt ?? 0) > later.clock.now)
      const line = later.log.find(({ code }) => code === row.code)
      assert.match(String(line?.msg), row.message.source.endsWith('$') ? /./ : row.message)
    })
})
