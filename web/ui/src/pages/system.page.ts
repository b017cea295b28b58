import { mdiServerOutline } from '@mdi/js'

export default { path: '/system', name: 'system', component: () => import('./SystemPage.vue'), order: 8, icon: mdiServerOutline }
