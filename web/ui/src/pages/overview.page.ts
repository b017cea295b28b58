import { mdiViewDashboardOutline } from '@mdi/js'

export default { path: '/', name: 'overview', component: () => import('./OverviewPage.vue'), order: 1, icon: mdiViewDashboardOutline }
