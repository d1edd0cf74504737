/** The primes by which the published test tells the moduli of the flawed generator (Nemec et al., CCS 2017). */
const PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
]

/**
 * Whether an RSA modulus is of the form that CVE-2017-15361 (ROCA) lets anyone factor: its factors are powers of 65537
 * modulo many small primes, and so is their product. A sound modulus passes for one with a chance below 1 in 10^8.
 */
export function isRocaModulus(modulus: bigint): boolean {
  return PRIMES.every((prime) => POWERS_OF_65537.get(prime)?.has(Number(modulus % BigInt(prime))))
}

const POWERS_OF_65537: ReadonlyMap<number, ReadonlySet<number>> = new Map(
  PRIMES.map((prime) => {
    const powers = new Set<number>()
    for (let power = 1; !powers.has(power); power = (power * 65_537) % prime) powers.add(power)
    return [prime, powers]
  }),
)
