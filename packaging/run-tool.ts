import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Longest run of a tool, in milliseconds. */
const TOOL_TIMEOUT_MS = 300_000

/** Runs a tool to its end. Errors: it is missing, or fails; the message holds its output. @returns its output. */
export async function runTool(file: string, args: readonly string[], cwd?: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(file, [...args], { timeout: TOOL_TIMEOUT_MS, cwd })
    return stdout
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause
    throw new MissingTool(`${file} is needed for this package, and is not installed: see docs/install.md`, {
      cause,
    })
  }
}

/** A program of others is missing. */
export class MissingTool extends Error {
  override readonly name = 'MissingTool'
}
