/** A report that the upper committee returned: the cell's correction, and the officer's view of it. */
export const correction = {
  returned: 'Cấp trên trả lại báo cáo',
  reason: 'Lý do: {note}',
  explain:
    'Biên bản và báo cáo đã niêm phong giữ nguyên. Phần bổ sung được ghi vào sổ, niêm phong thành bản số {version} và gửi lại.',
  label: 'Nội dung bổ sung',
  send: 'Niêm phong và gửi bản số {version}',
  missing: 'Mời đồng chí viết nội dung bổ sung.',
  only: 'Chủ trì hoặc thư ký phiên họp viết phần bổ sung.',
  accepted: 'Cấp trên đã chấp nhận báo cáo lúc {time}, {day}.',
  version: 'Bản số {version}',
  made: 'Đồng chí {by} bổ sung lúc {time}, {day}',
  former: 'Các bản đã trả lại',
  formerLine: 'Nhận lúc {time}, {day}, biên nhận {number}. Trả lại: {note}',
  difference: 'Khác với bản số {version}',
  open: 'Mở {name}',
} as const;
