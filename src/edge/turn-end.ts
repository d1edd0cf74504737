/**
 * Lets what goes out in one turn of the event loop leave together, at its end. A write that wakes whoever sleeps on the other
 * side costs about twice one that finds him awake: so the first of a turn wakes client and upstream, for all that follow. What
 * it costs is the rest of a turn, which is short where little arrives.
 */
export function atTurnsEnd(leave: () => void): void {
  if (leaving.push(leave) === 1) setImmediate(leaveAll)
}

let leaving: (() => void)[] = []

/** Nothing here throws: neither undici's `dispatch` nor `end` of a Node stream does, they tell by an event. */
function leaveAll(): void {
  const due = leaving
  leaving = []
  for (const leave of due) leave()
}
