import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { createContext, printResult } from '../../context/command-context.ts'
import { openDataOf } from '../../context/open-data.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'

/** `berth robot trust`. */
export function addTrust(robot: Command, io: Io): void {
  robot
    .command('trust <robot> <name>')
    .description('Let a robot log in by ID tokens of an issuer, such as a CI system, in place of a secret.')
    .requiredOption('--issuer <URL>', 'the claim iss, exactly')
    .addOption(
      new Option(
        '--claim <NAME=VALUE>',
        'a claim that tokens must have; repeat it for more. In a value * stands for any characters but / and :, ** for any',
      )
        .argParser((text, given: string[] = []) => [...given, text])
        .makeOptionMandatory(),
    )
    .option('--audience <TEXT>', 'the claim aud; by default the host name of this registry')
    .option('--ca <FILE>', "authorities of the issuer's certificate, in PEM")
    .option('--jwks <FILE>', 'keys of the issuer, where this registry cannot fetch them')
    .action(async (robotName: string, name: string, options: TrustFlags, command: Command) => {
      const context = createContext(command, io)
      const { issuer, audience, claim } = options
      const read = async (file: string | undefined): Promise<string | undefined> =>
        file === undefined ? undefined : await readDocument(resolve(io.cwd, file))
      const [ca, jwks] = [await read(options.ca), await read(options.jwks)]
      const requiredClaims = Object.fromEntries(claim.map(splitClaim))
      await using data = await openDataOf(context)
      await data.robots.trust(robotName, { name, issuer, audience, requiredClaims, ca, jwks })
      const text = `Robot ${robotName} trusts ID tokens of ${issuer} with ${claim.join(', ')}`
      printResult(context, { robot: robotName, trust: { name, issuer, audience, requiredClaims } }, text)
    })
}

interface TrustFlags {
  readonly issuer: string
  readonly claim: readonly string[]
  readonly audience?: string
  readonly ca?: string
  readonly jwks?: string
}

function splitClaim(text: string): [string, string] {
  const equals = text.indexOf('=')
  if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)]
  throw new CliError('USAGE', `"${text}" is no claim with a value`, {
    remedy: 'Give name and value, such as --claim repository=org/app',
  })
}

async function readDocument(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new CliError('USAGE', `The file ${file} cannot be read`, {
      remedy: 'Check the path, and the permissions of the file',
      cause,
    })
  }
}

/** `berth robot distrust`. */
export function addDistrust(robot: Command, io: Io): void {
  robot
    .command('distrust <robot> <name>')
    .description('End a trust, and the log-ins by it, at once.')
    .action(async (robotName: string, name: string, _options, command: Command) => {
      const context = createContext(command, io)
      await using data = await openDataOf(context)
      await data.robots.distrust(robotName, name)
      printResult(
        context,
        { robot: robotName, trust: name },
        `Robot ${robotName} no longer trusts by ${name}`,
      )
    })
}
