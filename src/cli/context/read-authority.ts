import { readFile } from 'node:fs/promises'
import { CliError } from '../errors/cli-error.ts'

/** Reads the file of `--ca`, PEM. Errors: `CliError` `USAGE`. */
export async function readAuthority(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new CliError('USAGE', `The certificate authority ${file} cannot be read`, { cause })
  }
}
