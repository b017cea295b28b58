// Events per second of the last minutes; it outlives the page, so that coming back shows no empty chart.

import { shallowRef } from 'vue'

const MINUTES = 10
const GAP_MS = 5_000

function makeHistory() {
  const points = shallowRef<[number, number | null][]>([])

  function add(at: number, value: number): void {
    const last = points.value.at(-1)
    const gap: [number, null][] = last && at - last[0] > GAP_MS ? [[last[0] + 1, null]] : []
    points.value = [...points.value, ...gap, [at, value] as [number, number]].filter(([when]) => when > at - MINUTES * 60_000)
  }

  return { points, add }
}

export const rateHistory = makeHistory()
