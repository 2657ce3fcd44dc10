/** How this device entered a session's room, so that a reload comes back the same way. */
export interface Joining {
  camera: boolean;
  microphone: boolean;
  pictures: boolean;
  /** In the meeting room, whose own device gives picture and sound: this one joins no media. */
  here?: boolean;
}

const place = (session: string) => `join:${session}`;

export function keepJoining(session: string, how: Joining) {
  sessionStorage.setItem(place(session), JSON.stringify(how));
}

export function recallJoining(session: string): Joining | null {
  try {
    return JSON.parse(sessionStorage.getItem(place(session)) ?? 'null') as Joining | null;
  } catch {
    return null;
  }
}
