/** Those who wait, in the order in which they came. Each step costs the same however many they are. */
export interface Line<T> {
  add(item: T): void
  oldest(): T | undefined
  takeOldest(): T | undefined
  takeNewest(): T | undefined
  length(): number
}

/** What has left from the front is let go of once it is so much, and half of all. */
const GONE_MAX = 1_024

export function openLine<T>(): Line<T> {
  let items: (T | undefined)[] = []
  let front = 0
  const length = (): number => items.length - front
  return {
    add: (item) => void items.push(item),
    oldest: () => items[front],
    takeOldest() {
      if (length() === 0) return undefined
      const item = items[front]
      items[front] = undefined
      front += 1
      if (front > GONE_MAX && front > items.length / 2) {
        items = items.slice(front)
        front = 0
      }
      return item
    },
    takeNewest: () => (length() === 0 ? undefined : items.pop()),
    length,
  }
}
