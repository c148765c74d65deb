/** Cells of the table that is filled for the lines that differ: 16 MB, enough for 2,000 lines on both sides. */
const MAX_CELLS = 4_000_000

/** Lines of two texts: `- ` in front of those only in the first, `+ ` of those only in the second, two spaces of others. */
export function compareLines(before: string, after: string): string[] {
  const [old, fresh] = [before, after].map((text) => text.split('\n').filter((line) => line !== '')) as [
    string[],
    string[],
  ]
  let start = 0
  while (start < Math.min(old.length, fresh.length) && old[start] === fresh[start]) start++
  let same = 0
  const most = Math.min(old.length, fresh.length) - start
  while (same < most && old.at(-1 - same) === fresh.at(-1 - same)) same++
  return [
    ...old.slice(0, start).map(kept),
    ...compareMiddle(old.slice(start, old.length - same), fresh.slice(start, fresh.length - same)),
    ...old.slice(old.length - same).map(kept),
  ]
}

/** By the longest common row of lines; where the table would be too large, all of the old ones and all of the new ones. */
function compareMiddle(old: readonly string[], fresh: readonly string[]): string[] {
  const width = fresh.length + 1
  if ((old.length + 1) * width > MAX_CELLS) return [...old.map(removed), ...fresh.map(added)]
  const common = new Uint32Array((old.length + 1) * width)
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = fresh.length - 1; j >= 0; j--) {
      const at = i * width + j
      common[at] =
        old[i] === fresh[j]
          ? (common[at + width + 1] ?? 0) + 1
          : Math.max(common[at + width] ?? 0, common[at + 1] ?? 0)
    }
  }
  const lines: string[] = []
  let [i, j] = [0, 0]
  while (i < old.length && j < fresh.length) {
    const at = i * width + j
    if (old[i] === fresh[j]) {
      lines.push(kept(old[i++] ?? ''))
      j++
    } else if ((common[at + width] ?? 0) >= (common[at + 1] ?? 0)) lines.push(removed(old[i++] ?? ''))
    else lines.push(added(fresh[j++] ?? ''))
  }
  return [...lines, ...old.slice(i).map(removed), ...fresh.slice(j).map(added)]
}

function kept(line: string): string {
  return `  ${line}`
}

function removed(line: string): string {
  return `- ${line}`
}

function added(line: string): string {
  return `+ ${line}`
}
