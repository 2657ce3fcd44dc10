/** Why a member cannot come to one place, in the order of 03-HD/TW II.1.1. */
import type { MemberBody } from '$lib/api/types';

export const CIRCUMSTANCES = [
  'none',
  'abroad',
  'offices_in_several_provinces',
  'work_far_from_home',
  'student_summer_break',
  'armed_forces_duty',
  'health_duty',
  'forest_ranger_duty',
  'ship_sea_or_island',
  'epidemic',
  'disaster',
  'emergency',
] as const satisfies readonly MemberBody['circumstance'][];
