/**
 * A turn of the event loop in three steps: it reads what has arrived, works on all of it together, and lets everything leave
 * at once. What is worked on together finds its code and data warm, each stage of the pipeline in all requests of the turn before
 * the next one, because each waits for the others at every `await`. And a write that wakes whoever sleeps on the other side
 * costs about twice one that finds him awake: the first of a turn wakes client and upstream, for all that follow. What both
 * cost is the rest of a turn, which is short where little arrives.
 */

let arrived: (() => void)[] = []
let leaving: (() => void)[] = []

/** Works on it once everything is read that has arrived by now. Nothing here throws. */
export function onceAllArrived(work: () => void): void {
  if (arrived.push(work) === 1) setImmediate(workOnAll)
}

/** Lets it leave once nothing more is to be done at present. Nothing here throws: `end` of a Node stream tells by an event. */
export function atTurnsEnd(leave: () => void): void {
  if (leaving.push(leave) === 1) queueMicrotask(afterMicrotasks)
}

function workOnAll(): void {
  const due = arrived
  arrived = []
  for (const work of due) work()
}

/** A tick that is asked for by a microtask comes when no microtask is left. */
function afterMicrotasks(): void {
  process.nextTick(leaveAll)
}

function leaveAll(): void {
  const due = leaving
  leaving = []
  for (const leave of due) leave()
}
