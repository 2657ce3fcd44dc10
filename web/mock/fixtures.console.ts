/** Fictional sessions for looking at the consoles without a server. Development only. */
import type {
  BallotShown,
  Cell,
  CellBoard,
  Dossier,
  EligibilityView,
  ItemState,
  Member,
  Motion,
  Person,
  Recording,
  RulesInForce,
  SessionDetail,
  SessionView,
  Verdict,
} from '../src/lib/api/types';

const DAY = '2026-12-03';
const at = (time: string): string => new Date(`${DAY}T${time}+07:00`).toISOString();

type Seed = [name: string, title: string, where: 'remote' | 'in_room', line: Person['line']];

const ROSTER: Seed[] = [
  ['Lò Văn Chung', 'Bí thư', 'remote', 'good'],
  ['Quàng Văn Thịnh', '', 'remote', 'fair'],
  ['Lường Thị Sen', '', 'remote', 'poor'],
  ['Hà Thị Mến', 'Phó Bí thư', 'in_room', 'none'],
  ['Trần Thị Bích Ngọc', '', 'in_room', 'none'],
  ['Bạc Cầm Minh', '', 'in_room', 'none'],
  ['Vi Thị Duyên', 'Thư ký', 'remote', 'good'],
  ['Nguyễn Hữu Phúc', '', 'remote', 'good'],
  ['Cầm Bá Lợi', '', 'remote', 'poor'],
  ['Tòng Thị Xuân', '', 'remote', 'poor'],
  ['Sùng A Tủa', '', 'remote', 'fair'],
  ['Giàng Thị Mỷ', '', 'remote', 'good'],
  ['Lầu A Páo', '', 'remote', 'good'],
  ['Mùa Thị Dua', '', 'in_room', 'none'],
  ['Hoàng Văn Tiến', '', 'remote', 'fair'],
  ['Đinh Thị Thắm', '', 'remote', 'good'],
  ['Vàng A Chớ', '', 'remote', 'none'],
  ['Lò Thị Pánh', '', 'remote', 'none'],
  ['Điêu Văn Hặc', '', 'remote', 'none'],
  ['Cà Văn Pản', '', 'remote', 'none'],
  ['Lường Văn Khôi', 'Dự bị', 'remote', 'good'],
  ['Quàng Thị Nga', 'Dự bị', 'remote', 'none'],
];

export function people(): Person[] {
  return ROSTER.map(([name, title, where, line], index) => {
    const id = `p${String(index + 1).padStart(2, '0')}`;
    const official = title !== 'Dự bị';
    const dropped = index === 8 || index === 9;
    const away = (index >= 13 && index <= 19) || index === 21;
    const excused = index === 18 || index === 19;
    return {
      id,
      name,
      title: title === 'Dự bị' ? '' : title,
      honour: index === 2 ? 'Huy hiệu 50 năm tuổi Đảng' : '',
      official,
      votes: official,
      attendance: dropped ? 'dropped' : excused ? 'absent_reason' : away ? 'expected' : 'present',
      place: away ? null : where,
      connected: !dropped && !away && where === 'remote',
      devices: !dropped && !away && where === 'remote' ? 1 : 0,
      since: at(dropped ? '20:01:00' : '19:33:00'),
      checked_in: !away,
      vouched_by: [],
      reason: excused ? 'Đi công tác tại tỉnh' : '',
      line: dropped ? 'none' : line,
      key_id: where === 'remote' && !away ? `khoa-${id}` : null,
      microphone: index === 1 || index === 0,
      camera: where === 'remote' && !away && index !== 11,
      asked_floor_at: index === 2 ? at('20:03:05') : index === 4 ? at('20:03:25') : null,
    };
  });
}

const TITLES: [string, string, number, ItemState['item']['kind'], string][] = [
  ['19:30', 'Khai mạc, điểm danh', 12, 'other', 'ordinary'],
  ['19:42', 'Đảng phí, thông qua chương trình', 6, 'report', 'ordinary'],
  ['19:48', 'Nước sạch cho khu Nà Lúa trên', 14, 'discussion', 'ordinary'],
  ['20:02', 'Đề nghị kết nạp quần chúng Lò Thị Hoa', 15, 'vote', 'admit_member'],
  ['20:15', 'Thông qua Nghị quyết tháng 12', 20, 'vote', 'resolution'],
  ['20:35', 'Giao việc, chấm điểm buổi họp', 20, 'discussion', 'ordinary'],
  ['20:55', 'Đọc biên bản, bế mạc', 10, 'other', 'ordinary'],
];

export function items(current: number): ItemState[] {
  return TITLES.map(([time, title, minutes, kind, decision], index) => ({
    item: {
      id: `m${index + 1}`,
      number: index + 1,
      kind,
      title,
      minutes,
      motion: kind === 'vote' ? title : null,
      decision,
    },
    state: index < current ? 'done' : index === current ? 'current' : 'waiting',
    started_at: index <= current ? at(`${time}:00`) : null,
    seconds: index < current ? minutes * 60 : index === current ? 134 : 0,
    expected_at: at(`${time}:00`),
    conclusion: index === 2 ? 'Giao ban quản lý bản làm bể nước trước 30/3.' : '',
    postponed_why: '',
  }));
}

export function baseView(): SessionView {
  return {
    id: 's1',
    cell_name: 'Chi bộ bản Nà Lúa',
    committee: 'Đảng ủy xã Mường Tha',
    title: 'Sinh hoạt thường kỳ tháng 12',
    mode: 'hybrid',
    stage: 'items',
    starts_at: at('19:30:00'),
    opened_at: at('19:30:00'),
    closed_at: null,
    now: at('20:04:12'),
    me: 'p01',
    my_roles: ['chair', 'official'],
    chair: 'p01',
    secretary: 'p07',
    chair_away_since: null,
    people: people(),
    quorum: {
      present: 12,
      base: 20,
      needed_half: 11,
      needed_two_thirds: 14,
      half_met: true,
      two_thirds_met: false,
      attendance_floor: null,
      floor_met: true,
    },
    items: items(3),
    current_item: 'm4',
    floor: { person: 'p02', since: at('20:01:58'), limit_seconds: 300 },
    queue: ['p03', 'p05'],
    spoke_on_item: 4,
    contributions: [
      { person: 'p04', item_id: 'm3', began_at: at('19:50:00'), ended_at: at('19:53:10') },
      { person: 'p06', item_id: 'm3', began_at: at('19:54:00'), ended_at: at('19:57:40') },
      { person: 'p08', item_id: 'm4', began_at: at('20:02:20'), ended_at: at('20:03:00') },
      { person: 'p02', item_id: 'm4', began_at: at('20:03:10'), ended_at: null },
    ],
    motion: null,
    motions: [],
    recorder: {
      state: 'recording',
      since: at('19:30:00'),
      reason: '',
      gaps: [],
      tracks: 14,
      disk_free: 40_000_000_000,
    },
    chat_allowed: false,
    chat: [],
    notes: [
      {
        id: 'n1',
        item_id: 'm3',
        person: 'p06',
        text: 'Đề nghị lùi thời hạn làm bể nước sang quý II năm 2027.',
        at: at('19:57:00'),
        kind: 'reserved',
      },
    ],
    documents: [],
    room_code: '482 613',
    minutes_draft:
      'BIÊN BẢN\nhọp chi bộ thường kỳ tháng 12 năm 2026\n\nHôm nay, ngày 03 tháng 12 năm 2026, từ 19 giờ 30 phút, Chi bộ bản Nà Lúa họp kết hợp trực tuyến và tại nhà văn hóa bản.\n\nChủ trì: đồng chí Lò Văn Chung, Bí thư. Thư ký: đồng chí Vi Thị Duyên.\n\nMục 3. Nước sạch cho khu Nà Lúa trên. Đồng chí Hà Thị Mến phát biểu. Đồng chí Bạc Cầm Minh phát biểu.',
    minutes_hash: 'a'.repeat(64),
    minutes_agreed: false,
    next: {
      act: {
        code: 'open_vote',
        command: 'open-vote',
        body: { motion: 'bq0', item: 'm4' },
        params: {},
      },
      blocked: {
        code: 'not_enough_present',
        reason: 'Chưa mở biểu quyết được: còn thiếu 2 đồng chí để đủ 2/3.',
        arithmetic: 'Có 12, cần 14.',
        remedy: 'Hai đồng chí rớt mạng vào lại thì nút này tự mở.',
      },
      others: [
        {
          code: 'postpone_item',
          command: 'postpone-item',
          body: { item: 'm4' },
          params: { number: 4, title: 'Đề nghị kết nạp quần chúng Lò Thị Hoa' },
        },
      ],
    },
    may: [
      'start-item',
      'finish-item',
      'postpone-item',
      'give-floor',
      'end-floor',
      'mute',
      'remove',
      'note',
      'propose-motion',
      'mark-in-room',
      'mark-absent',
      'vouch',
      'allow-chat',
      'recess',
      'adjourn',
      'abandon',
      'hand-chair',
      'leave',
      'ask-floor',
    ],
    delivery: {
      state: 'none',
      attempts: 0,
      next_try_at: null,
      error: '',
      receipt: null,
      documents: [],
      minutes_due_at: null,
      review: null,
      corrections: [],
      numbers: {},
    },
    head: {
      seq: 151,
      hash: '9f3ac07e51b2'.padEnd(64, '0'),
      time: at('20:04:10'),
      key_id: 'khoa-cai-dat',
      signature: 'chu-ky',
    },
    witnessed_seq: 148,
    witnessed: null,
    my_keys: [],
    upper_committee_connected: true,
    factor_fresh_until: at('20:40:00'),
    media_down: false,
    trouble: '',
    device_certified: true,
    my_counter: 4,
    my_last_ballot: null,
  };
}

const CHOICES: [string, BallotShown['choice']][] = [
  ['p01', 'approve'],
  ['p03', 'approve'],
  ['p10', 'abstain'],
  ['p06', 'disapprove'],
  ['p04', 'approve'],
  ['p05', 'approve'],
  ['p02', 'approve'],
  ['p07', 'approve'],
  ['p08', 'approve'],
  ['p12', 'approve'],
  ['p13', 'approve'],
  ['p14', 'approve'],
  ['p15', 'approve'],
  ['p16', 'approve'],
];

export function votingView(): SessionView {
  const view = baseView();
  const ballots: BallotShown[] = CHOICES.map(([person, choice], index) => ({
    person,
    choice,
    at: at(`20:30:${String(10 + index)}`),
    by_hand: person === 'p06',
    changed: false,
    seq: 190 + index,
  }));
  const motion: Motion = {
    id: 'bq1',
    item_id: 'm5',
    text: 'Thông qua dự thảo Nghị quyết tháng 12 của chi bộ',
    hash: 'b'.repeat(64),
    decision: 'resolution',
    rule: 'Quá nửa của 20 đảng viên chính thức, kể cả đồng chí vắng, là 11.',
    rule_version: '2026-07',
    base: 20,
    needed: 11,
    state: 'open',
    opened_at: at('20:30:00'),
    closes_at: at('20:32:24'),
    attempt: 1,
    approve: 12,
    disapprove: 1,
    abstain: 1,
    not_voted: 6,
    cast: 14,
    passed: null,
    arithmetic: '12/20, cần 11',
    ballots,
    disconnected: ['p09'],
    objections: [],
    void_reason: '',
    my_choice: 'approve',
    my_ballot_hash: 'c'.repeat(64),
    my_ballot_seq: 190,
  };
  return {
    ...view,
    now: at('20:31:12'),
    items: items(4),
    current_item: 'm5',
    people: view.people.map((person) =>
      ['p09', 'p10', 'p14', 'p15', 'p16'].includes(person.id)
        ? {
            ...person,
            attendance: 'present',
            place: person.id === 'p14' ? 'in_room' : 'remote',
            connected: person.id !== 'p14',
            line: person.id === 'p09' ? 'poor' : 'fair',
          }
        : person,
    ),
    quorum: { ...view.quorum, present: 16, two_thirds_met: true },
    floor: null,
    queue: [],
    motion,
    motions: [motion],
    next: {
      act: {
        code: 'close_vote',
        command: 'close-vote',
        body: { motion: 'bq1' },
        params: { not_voted: 2 },
      },
      blocked: null,
      others: [
        {
          code: 'extend_vote',
          command: 'extend-vote',
          body: { motion: 'bq1', seconds: 60 },
          params: { minutes: 1 },
        },
      ],
    },
    may: ['close-vote', 'extend-vote', 'void-vote', 'enter-hand', 'cast-ballot', 'note', 'mute'],
    head: { ...view.head, seq: 217 },
  };
}

export function rollCallView(): SessionView {
  const view = baseView();
  return {
    ...view,
    stage: 'roll_call',
    now: at('19:34:00'),
    items: items(0),
    current_item: 'm1',
    floor: null,
    queue: [],
    notes: [],
    contributions: [],
    people: view.people.map((person, index) =>
      index > 2 && index < 13
        ? { ...person, attendance: 'expected', checked_in: false }
        : {
            ...person,
            attendance: person.attendance === 'dropped' ? 'expected' : person.attendance,
          },
    ),
    quorum: { ...view.quorum, present: 3, half_met: false },
    next: {
      act: null,
      blocked: {
        code: 'roll_call_unfinished',
        reason: 'Chưa xong điểm danh: còn 10 đồng chí chưa rõ có mặt hay vắng.',
        arithmetic: 'Đã rõ 12/22.',
        remedy: 'Bấm tên từng đồng chí để ghi có mặt hoặc vắng.',
      },
      others: [],
    },
    may: ['mark-in-room', 'mark-absent', 'vouch', 'check-in', 'mute', 'note', 'abandon', 'adjourn'],
    head: { ...view.head, seq: 24 },
  };
}

export function waitingView(): SessionView {
  const view = rollCallView();
  return {
    ...view,
    stage: 'waiting',
    opened_at: null,
    now: at('19:28:00'),
    current_item: null,
    items: items(-1),
    secretary: null,
    quorum: { ...view.quorum, present: 0 },
    recorder: {
      ...view.recorder,
      state: 'waiting',
      since: null,
      reason: 'Chưa thấy tiếng từ máy của chủ trì.',
    },
    next: {
      act: null,
      blocked: {
        code: 'recorder_not_ready',
        reason: 'Chưa khai mạc được: máy ghi chưa ghi được tiếng của đồng chí.',
        arithmetic: 'Hình đã ghi, tiếng chưa ghi.',
        remedy: 'Đồng chí bật tiếng và nói thử một câu.',
      },
      others: [],
    },
    may: ['adjourn', 'hand-chair'],
    head: { ...view.head, seq: 3 },
  };
}

export function closedView(): SessionView {
  const view = votingView();
  const motion: Motion = {
    ...view.motion!,
    state: 'announced',
    passed: true,
    arithmetic: '14/20, cần 11: thông qua',
    approve: 14,
    not_voted: 4,
    cast: 16,
  };
  return {
    ...view,
    stage: 'closed',
    closed_at: at('21:12:00'),
    now: at('21:24:00'),
    items: items(7),
    current_item: null,
    motion: null,
    motions: [motion],
    minutes_agreed: true,
    recorder: { ...view.recorder, state: 'off' },
    next: { act: null, blocked: null, others: [] },
    may: [],
    delivery: {
      state: 'acknowledged',
      attempts: 1,
      next_try_at: null,
      error: '',
      receipt: {
        committee: 'Đảng ủy xã Mường Tha',
        number: 'BN 0412',
        received_at: at('21:16:03'),
        sha256: '9f3ac07e51b2'.padEnd(64, '4'),
        key_id: 'khoa-cap-tren',
      },
      documents: ['minutes', 'report'],
      minutes_due_at: new Date('2026-12-05T21:12:00+07:00').toISOString(),
      review: null,
      corrections: [],
      numbers: {},
    },
    head: { ...view.head, seq: 318 },
  };
}

export const cells: Cell[] = [
  {
    id: 'c1',
    name: 'Chi bộ bản Nà Lúa',
    committee: 'Đảng ủy xã Mường Tha',
    code: '14.001.002.003.004',
    official: 20,
    probationary: 2,
  },
];

export function members(): Member[] {
  return people().map((person, index) => ({
    id: `tv${index + 1}`,
    cell_id: 'c1',
    account_id: `tk${index + 1}`,
    name: person.name,
    phone: `09120000${String(index + 1).padStart(2, '0')}`,
    kind: person.official ? 'official' : 'probationary',
    exempt: index === 17,
    suspended: false,
    detained: false,
    temporary: 'none',
    circumstance: index % 3 === 0 ? 'none' : index % 3 === 1 ? 'work_far_from_home' : 'health_duty',
    honour: person.honour,
    left_at: null,
    roles: index === 0 ? ['secretary'] : index === 3 ? ['deputy'] : [],
    has_factor: index !== 20,
  }));
}

export function eligibility(): EligibilityView {
  const rows = members().map((member) => ({
    member_id: member.id,
    name: member.name,
    counted: !member.exempt,
    cannot_meet: member.circumstance !== 'none',
    circumstance: member.circumstance,
    excluded_why: member.exempt ? 'exempt' : null,
  }));
  return {
    eligible: true,
    members: 22,
    exempt: 1,
    suspended: 0,
    denominator: 21,
    cannot_meet: 14,
    needed: 11,
    sentence: '14 trên 21 đồng chí không thể họp một chỗ, nhiều hơn một nửa: được họp trực tuyến.',
    rows,
    rule_version: '2026-07',
  };
}

export function detail(stage: SessionDetail['stage'] = 'draft'): SessionDetail {
  return {
    id: 's1',
    cell_id: 'c1',
    cell_name: 'Chi bộ bản Nà Lúa',
    committee: 'Đảng ủy xã Mường Tha',
    title: 'Sinh hoạt thường kỳ tháng 12',
    starts_at: at('19:30:00'),
    place: 'Nhà văn hóa bản Nà Lúa',
    mode: 'hybrid',
    stage,
    items: items(-1).map((state) => state.item),
    documents: [
      {
        id: 'd1',
        item_id: 'm5',
        name: 'Dự thảo Nghị quyết tháng 12.pdf',
        pages: 2,
        size: 182_000,
        sha256: 'd'.repeat(64),
        uploaded_at: at('08:00:00'),
        late_reason: null,
        my_last_page: 2,
        readers: 9,
      },
    ],
    summons:
      stage === 'draft'
        ? []
        : members().map((member, index) => ({
            member_id: member.id,
            name: member.name,
            sent_at: at('08:00:00'),
            seen_at: index % 4 === 3 ? null : at('09:10:00'),
            reply: index % 4 === 3 ? 'none' : index === 18 ? 'absent' : 'coming',
            reason: index === 18 ? 'Đi công tác tại tỉnh' : '',
          })),
    eligible: true,
    authorised: stage !== 'draft',
    obstacles:
      stage === 'draft'
        ? ['Chưa có văn bản của cấp trên cho phép họp trực tuyến còn hiệu lực.']
        : [],
    cancelled: false,
    end_reason: '',
    rescheduled: [],
    withdrawn: [],
    roster_changed: [],
    not_summoned: [],
    i_lead: true,
  };
}

const CELL_NAMES =
  'Suối Trong,Gốc Đa,Trạm Y tế xã,Đồi Chè,Cầu Mây,Tiểu học xã,Đá Bạc,Nà Lúa,Hoa Ban,Công an xã,Lúa Mới,Nậm Sao,Đầu Suối,Quân sự xã,Ruộng Cao,Vườn Mận,Ngõ Trúc,Mầm non xã,Sương Mai,Cây Gạo,Hang Đá,Mái Đá,Bến Đò,Ao Sen,Núi Xanh,Thác Nhỏ,Đồng Mới,Khe Mây,Lưng Đồi,Chợ Cũ,Bờ Suối,Nậm Hoa,Nà Mận,Nà Gừng,Nà Bưởi,Pom Sao,Pom Mây,Huổi Trúc,Huổi Sim,Huổi Đào,Co Sim,Co Ngọc,Tà Mây,Tà Lanh,Xuân Lúa,Xuân Sao,Bình Mây,Hợp Sao,Nậm Lanh,Nậm Trúc,Pá Mận,Pá Lúa,Sim Tím,Rẫy Mới,THCS xã,HTX Chè,Cơ quan Đảng,Cơ quan xã,Chợ xã,Sao Mai'.split(
    ',',
  );

export function board(): CellBoard {
  return {
    committee: 'Đảng ủy xã Mường Tha',
    month: '2026-12',
    updated_at: at('20:31:00'),
    tiles: CELL_NAMES.map((name, index) => {
      const state =
        index < 4
          ? 'late'
          : index < 7
            ? 'returned'
            : index < 10
              ? 'in_session'
              : index < 19
                ? 'due'
                : 'reported';
      const running = state === 'in_session';
      return {
        cell_id: `c${index}`,
        peer_id: 'peer1',
        name,
        state,
        session_id: state === 'due' ? null : `s${index}`,
        title: 'Sinh hoạt thường kỳ tháng 12',
        starts_at: at('19:30:00'),
        present: running ? [16, 9, 12][index - 7]! : null,
        base: running ? [20, 11, 12][index - 7]! : null,
        needed: running ? 6 : null,
        item: running
          ? ['Mục 5: biểu quyết Nghị quyết', 'Mục 3: thảo luận đường liên bản', 'Mục 1: điểm danh'][
              index - 7
            ]!
          : '',
        stage: running ? 'items' : null,
        recorder: running ? 'recording' : '',
        arithmetic: index === 7 ? 'Tán thành 12, cần 11' : '',
        hours_late: state === 'late' ? [9, 6, 4, 2][index]! : 0,
        to_review: name === 'Sao Mai' || name === 'Cây Gạo',
        received_at: state === 'reported' || state === 'returned' ? at('19:58:00') : null,
      };
    }),
  };
}

export function dossier(): Dossier {
  return {
    session_id: 's1',
    peer_id: 'peer1',
    cell_name: 'Chi bộ bản Nà Lúa',
    title: 'Sinh hoạt thường kỳ tháng 12',
    started_at: at('19:30:00'),
    closed_at: at('21:12:00'),
    received_at: at('21:41:00'),
    receipt_number: 'BN 0415',
    sha256: '9f3ac07e51b2'.padEnd(64, '4'),
    documents: [
      {
        kind: 'minutes',
        name: 'Biên bản',
        url: '/api/officer/sessions/s1/documents/minutes.html',
        pages: 3,
        sha256: 'e'.repeat(64),
        signed_by: [],
        number: '',
      },
      {
        kind: 'report',
        name: 'Báo cáo nhanh kết quả',
        url: '/api/officer/sessions/s1/documents/report.html',
        pages: 1,
        sha256: 'f'.repeat(64),
        signed_by: [],
        number: '',
      },
    ],
    report: {},
    recording_url: '/api/officer/sessions/s1/recording',
    state: 'received',
    review_note: '',
    version: 1,
    corrections: [],
    former: [],
  };
}

const minute = (value: number): number => Math.round(value * 60_000);

export function recording(): Recording {
  const speakers: [string, string, [number, number][]][] = [
    [
      'p01',
      'Lò Văn Chung',
      [
        [1, 6],
        [13, 15],
        [18, 21],
        [33, 34],
        [36, 40],
        [59, 61],
        [66, 68],
        [82, 88],
        [95, 97],
      ],
    ],
    [
      'p04',
      'Hà Thị Mến',
      [
        [7, 11],
        [22, 25],
        [44, 47],
        [89, 92],
      ],
    ],
    [
      'p02',
      'Quàng Văn Thịnh',
      [
        [26, 29],
        [32, 33],
        [40, 43],
      ],
    ],
    [
      'p03',
      'Lường Thị Sen',
      [
        [49, 56],
        [73, 75],
      ],
    ],
    [
      'p07',
      'Vi Thị Duyên',
      [
        [69, 70],
        [97, 102],
      ],
    ],
  ];
  const scale: [number, number, string][] = [
    [0, 12, '1 Điểm danh'],
    [12, 18, '2 Đảng phí'],
    [18, 32, '3 Nước sạch'],
    [32, 36, '4 Kết nạp'],
    [36, 66, '5 Nghị quyết tháng 12'],
    [66, 82, '4 Kết nạp đảng viên'],
    [82, 94, '6 Giao việc'],
    [94, 102, '7 Bế mạc'],
  ];
  const vote = (at_ms: number, detail: string, outcome: string) => ({
    at_ms,
    end_ms: null,
    kind: 'vote',
    label: 'Thông qua nội dung',
    detail,
    person: null,
    outcome,
  });
  return {
    session_id: 's1',
    title: 'Sinh hoạt thường kỳ tháng 12',
    cell_name: 'Chi bộ bản Nà Lúa',
    started_at: at('19:30:00'),
    duration_ms: minute(102),
    thumbnail: null,
    tracks: [
      ...speakers.flatMap(([person, name]) =>
        (['video', 'audio'] as const).map((kind) => ({
          id: `${person}-${kind}`,
          person,
          name,
          kind,
          source: kind === 'video' ? 'camera' : 'microphone',
          segments: [{ url: `/thu/${person}-${kind}.webm`, start_ms: 0, duration_ms: minute(102) }],
        })),
      ),
      {
        id: 'room-video',
        person: null,
        name: 'Phòng họp, máy chung',
        kind: 'video',
        source: 'camera',
        segments: [{ url: '/thu/room-video.webm', start_ms: 0, duration_ms: minute(102) }],
      },
    ],
    marks: [
      ...scale.map(([from, to, label]) => ({
        at_ms: minute(from),
        end_ms: minute(to),
        kind: 'item',
        label,
        detail: '',
        person: null,
      })),
      vote(minute(16), '13/20, cần 11', 'passed'),
      vote(minute(34), 'Chưa đủ, thiếu 2', 'refused'),
      vote(minute(62), '14/20, cần 11', 'passed'),
      vote(minute(78), '15/20, cần 14', 'passed'),
      ...speakers.flatMap(([person, name, spans]) => [
        ...spans.map(([from, to]) => ({
          at_ms: minute(from),
          end_ms: minute(to),
          kind: 'floor',
          label: name,
          detail: '',
          person,
        })),
      ]),
      {
        at_ms: minute(31),
        end_ms: minute(39),
        kind: 'incident',
        label: '2 đồng chí rớt mạng 8 phút',
        detail: '',
        person: null,
      },
      {
        at_ms: minute(71),
        end_ms: minute(71.1),
        kind: 'incident',
        label: 'Thiếu hình 6 giây',
        detail: 'Tiếng đủ. Máy ghi khởi động lại.',
        person: null,
      },
    ].map((mark) => ({ outcome: '', ...mark })),
    gaps: [{ from_ms: minute(71), to_ms: minute(71.1), reason: 'Máy ghi khởi động lại' }],
  };
}

export function verdict(): Verdict {
  return {
    intact: true,
    erased: false,
    notes: 1,
    checked_at: at('21:42:00'),
    checks: [
      { ok: true, level: 'ok', sentence: 'Sổ phiên họp liền mạch: 318 dòng, không đứt dòng nào.' },
      { ok: true, level: 'ok', sentence: 'Dấu niêm phong khớp trên 16/16 máy đảng viên.' },
      { ok: true, level: 'ok', sentence: 'Đếm lại phiếu của 3 lần biểu quyết: khớp.' },
      {
        ok: true,
        level: 'note',
        sentence: 'Thiếu hình 6 giây lúc 20:41. Tiếng đủ. Sổ có ghi máy ghi khởi động lại.',
      },
    ],
  };
}

export function rules(): RulesInForce {
  return {
    version: '2026-07',
    rules: [
      {
        key: 'decision.ordinary.threshold',
        value: 'more_than_half',
        words: 'quá nửa',
        source: 'Điều lệ Đảng điều 9.5',
        confidence: 'seen',
        effective_from: '2021-07-30',
        note: 'Quyết định thông thường: trên một nửa tổng số đảng viên chính thức tán thành.',
      },
      {
        key: 'attendance.floor',
        value: '',
        words: 'không đặt',
        source: 'mặc định của phần mềm',
        confidence: 'default',
        effective_from: '2026-01-01',
        note: 'Tỷ lệ dự họp tối thiểu do cấp ủy đặt thêm, ví dụ 2/3; để trống là không đặt.',
      },
    ],
  };
}
