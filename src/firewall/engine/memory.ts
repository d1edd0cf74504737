import { Courses } from './courses.ts'
import { TextMemory } from './form.ts'
import { type Piece, PieceMemory } from './piece.ts'

/** What a plan remembers of requests that it saw lately, so that what comes again is not looked at again. */
export class Memory {
  readonly texts = new TextMemory()
  readonly lines = new PieceMemory()
  readonly headers = new PieceMemory()
  readonly sources = new PieceMemory()
  /** What stands for a body where there is none. */
  noBody: Piece | null = null
  readonly courses: Courses

  constructor(courses = new Courses()) {
    this.courses = courses
  }
}
