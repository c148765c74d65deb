import type { FirstAdmin } from '../../app/data/first-admin.ts'

/** Data for the message after the start. */
interface WelcomeFacts {
  readonly urls: readonly string[]
  readonly publicUrl: string | undefined
  /** The registry's own name, if it has one. */
  readonly domain: string | undefined
  readonly firstAdmin: FirstAdmin | undefined
  readonly dataDir: string
  /** The command that sets the administrator's password, with the flags it needs to find these data. */
  readonly passwdCommand: string
}

const FRAME = '-'.repeat(72)

/** Message of `berth serve` once it serves: its addresses, and at the first start the steps to log in and push. */
export function formatWelcome(facts: WelcomeFacts): string {
  const { urls, publicUrl, domain, firstAdmin, dataDir, passwdCommand } = facts
  const lines = ['', FRAME, `  Berth serves ${urls.join(' and ')}`, `  Data: ${dataDir}`]
  if (firstAdmin)
    lines.push(
      '',
      ...passwordLines(firstAdmin, passwdCommand),
      ...firstSteps(firstAdmin, registryHost(urls, publicUrl, domain)),
    )
  return `${[...lines, FRAME, ''].join('\n')}\n`
}

function firstSteps({ name }: FirstAdmin, host: string): string[] {
  return [
    '  To push your first image:',
    '',
    `    docker login ${host} --username ${name}`,
    `    docker tag IMAGE ${host}/${name}/IMAGE`,
    `    docker push ${host}/${name}/IMAGE`,
  ]
}

function passwordLines(
  { name, password, passwordFile, isGiven }: FirstAdmin,
  passwdCommand: string,
): string[] {
  if (isGiven)
    return [
      `  This is the first start. The administrator "${name}" was made, with the password of admin-password-file.`,
      '',
    ]
  if (passwordFile === undefined) {
    return [
      '  This is the first start. The administrator was made; the password is shown only now:',
      '',
      `    user      ${name}`,
      `    password  ${password}`,
      '',
    ]
  }
  return [
    '  This is the first start. The administrator was made; as no terminal shows this, the password is in a file:',
    '',
    `    user      ${name}`,
    `    password  in ${passwordFile}`,
    '',
    `  Choose your own, which removes the file: ${passwdCommand}`,
    '  (in a container: docker exec --interactive --tty CONTAINER berth user passwd admin)',
    '',
  ]
}

/** Beginning of an image's name. A listener on all addresses is reached as localhost from here. */
function registryHost(
  urls: readonly string[],
  publicUrl: string | undefined,
  domain: string | undefined,
): string {
  const preferred = publicUrl ?? urls.find((url) => url.startsWith('https:')) ?? urls[0] ?? ''
  const url = new URL(preferred)
  if (domain !== undefined && publicUrl === undefined) return `${domain}${url.port && `:${url.port}`}`
  const isWildcard = url.hostname === '0.0.0.0' || url.hostname === '[::]'
  return isWildcard ? `localhost${url.port && `:${url.port}`}` : url.host
}
