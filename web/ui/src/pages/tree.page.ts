import { mdiFamilyTree } from '@mdi/js'

export default { path: '/tree', name: 'tree', component: () => import('./TreePage.vue'), order: 5, icon: mdiFamilyTree }
