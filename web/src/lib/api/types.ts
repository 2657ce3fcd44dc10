/** The server's models under their own names. `schema.ts` is generated: npm run api. */
import type { components } from './schema';

type S = components['schemas'];

export type Problem = S['Problem'];
export type Done = S['Done'];

export type Installation = S['Installation'];
export type DemoPerson = S['DemoPerson'];
export type DemoPeople = S['DemoPeople'];
export type FactorChoice = S['FactorChoice'];
export type FactorKind = FactorChoice['kind'];
export type FactorStep = S['FactorStep'];
export type RoleHeld = S['RoleHeld'];
export type Me = S['Me'];
export type TotpSecret = S['TotpSecret'];
export type RecoveryCodes = S['RecoveryCodes'];
export type Card = S['Card'];
export type SignInListed = S['SignInListed'];
export type SignIns = S['SignIns'];
export type Reset = S['Reset'];
export type Resets = S['Resets'];
export type Notice = S['Notice'];
export type Notices = S['Notices'];

export type Cell = S['Cell'];
export type Cells = S['Cells'];
export type CellBody = S['CellBody'];
export type RolesBody = S['RolesBody'];
export type Member = S['Member'];
export type Members = S['Members'];
export type MemberBody = S['MemberBody'];
export type CsvLine = S['CsvLine'];
export type CsvPreview = S['CsvPreview'];
export type Authorisation = S['Authorisation'];
export type Authorisations = S['Authorisations'];
export type AuthorisationBody = S['AuthorisationBody'];
export type EligibilityRow = S['EligibilityRow'];
export type EligibilityView = S['EligibilityView'];
export type RulesInForce = S['RulesInForce'];
export type RuleListed = S['RuleListed'];
export type Audit = S['Audit'];
export type AuditLine = S['AuditLine'];

export type AgendaItem = S['AgendaItem'];
export type AgendaItemBody = S['AgendaItemBody'];
export type Document = S['Document'];
export type Summons = S['Summons'];
export type WithdrawnDocument = S['WithdrawnDocument'];
export type SessionBody = S['SessionBody'];
export type SessionListed = S['SessionListed'];
export type Sessions = S['Sessions'];
export type SessionDetail = S['SessionDetail'];
export type Stage = SessionListed['stage'];

export type Head = S['Head'];
export type EventHeader = S['EventHeader'];
export type ChainView = S['ChainView'];
export type Person = S['Person'];
export type Quorum = S['Quorum'];
export type ItemState = S['ItemState'];
export type BallotShown = S['BallotShown'];
export type Motion = S['Motion'];
export type Choice = BallotShown['choice'];
export type Speaking = S['Speaking'];
export type Contribution = S['Contribution'];
export type RecorderState = S['RecorderState'];
export type Message = S['Message'];
export type Note = S['Note'];
export type Act = S['Act'];
export type Refusal = S['Refusal'];
export type NextStep = S['NextStep'];
export type Receipt = S['Receipt'];
export type Delivery = S['Delivery'];
export type SessionView = S['SessionView'];
export type CheckInStatement = S['CheckInStatement'];
export type BallotStatement = S['BallotStatement'];
export type Ack = S['Ack'];
export type DeviceCertificate = S['DeviceCertificate'];
export type MediaToken = S['MediaToken'];
export type RoomPairing = S['RoomPairing'];
export type RoomDevice = S['RoomDevice'];

export type SegmentListed = S['SegmentListed'];
export type TrackListed = S['TrackListed'];
export type TimelineMark = S['TimelineMark'];
export type Recording = S['Recording'];
export type Verdict = S['Verdict'];

export type Peer = S['Peer'];
export type Peers = S['Peers'];
export type EnrolBody = S['EnrolBody'];
export type EnrolmentCode = S['EnrolmentCode'];
export type CellTile = S['CellTile'];
export type CellBoard = S['CellBoard'];
export type Dossier = S['Dossier'];
export type ReviewBody = S['ReviewBody'];
export type DossierDocument = S['DossierDocument'];
