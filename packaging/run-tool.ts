import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Longest run of a tool, in milliseconds. */
const TOOL_TIMEOUT_MS = 300_000

/** Runs a tool to its end. Errors: it is missing, or fails; the message holds its output. @returns its output. */
export async function runTool(file: string, args: readonly string[], cwd?: string): Promise<string> {
  const { stdout } = await promisify(execFile)(file, [...args], { timeout: TOOL_TIMEOUT_MS, cwd })
  return stdout
}
