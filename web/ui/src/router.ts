// Every file pages/*.page.ts is a page: adding one needs no other change.

import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'

export interface Page {
  path: string
  name: string
  component: () => Promise<unknown>
  /** Place in the navigation; left out of it without one. */
  order?: number
  icon?: string
}

const modules = import.meta.glob<{ default: Page }>('./pages/*.page.ts', { eager: true })
export const pages = Object.values(modules).map((module) => module.default)
export const navigation = pages
  .filter((page) => page.order !== undefined)
  .sort((one, other) => (one.order ?? 0) - (other.order ?? 0))

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    ...pages.map(({ path, name, component }) => ({ path, name, component }) as RouteRecordRaw),
    { path: '/:rest(.*)', redirect: '/' },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
})
