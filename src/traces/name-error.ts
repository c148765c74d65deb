/** Name of an error: its code, or else its class. Its message may hold names or worse. */
export function nameError(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
