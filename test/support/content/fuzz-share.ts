/** Share of the random inputs that are tried: a part of them in `npm run ok`, ten times as many with `BERTH_TEST_FUZZ=10`. */
export const FUZZ_SHARE = Number(process.env.BERTH_TEST_FUZZ ?? 1)
