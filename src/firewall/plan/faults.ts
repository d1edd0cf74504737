import type { Place, RulesetFault } from '../seclang/place.ts'

/** Takes down what is wrong with a rule, under its number. */
export class Faults {
  readonly all: RulesetFault[] = []

  error(place: Place, code: string, message: string): void {
    this.all.push({ ...placeOf(place), severity: 'error', code, message })
  }

  warn(place: Place, code: string, message: string): void {
    this.all.push({ ...placeOf(place), severity: 'warning', code, message })
  }
}

function placeOf({ file, line, column }: Place): Place {
  return { file, line, column }
}
