/** The stages of a session, as everybody reads them. */
export const stages = {
  draft: 'Đang soạn',
  convened: 'Đã triệu tập',
  waiting: 'Phòng chờ',
  open: 'Đã khai mạc',
  roll_call: 'Đang điểm danh',
  agenda: 'Đang thông qua chương trình',
  items: 'Đang họp',
  concluding: 'Đang kết luận',
  minutes: 'Đang đọc biên bản',
  recess: 'Đang nghỉ giải lao',
  adjourned: 'Đã hoãn sang ngày khác',
  closed: 'Đã bế mạc',
  abandoned: 'Đã dừng, không có nghị quyết',
  cancelled: 'Đã hủy, không họp',
} as const;
