// What went wrong, in the reader's language, with the next step; the head-end's own words beside it.

import { ApiError } from './api'
import { i18n } from './i18n'

export function sentence(problem: unknown): string {
  const told = (problem as Error).message
  const key = `problem.${problem instanceof ApiError ? problem.code : ''}`
  const { t, te } = i18n.global
  if (!te(key)) return told
  return told && key !== 'problem.away' ? `${t(key)} (${told})` : t(key)
}
