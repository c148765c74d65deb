/**
 * Makes a function that reads at most once in `forMs` milliseconds, however many call it: in between it returns the last
 * value. A failure is passed on to those who wait for it, and is not remembered.
 */
export function rememberBriefly<T>(read: () => Promise<T>, forMs: number): () => Promise<T> {
  let known: { readonly at: number; readonly value: Promise<T> } | undefined
  return () => {
    if (known && performance.now() - known.at < forMs) return known.value
    const entry = { at: performance.now(), value: read() }
    known = entry
    entry.value.catch(() => {
      if (known === entry) known = undefined
    })
    return entry.value
  }
}
