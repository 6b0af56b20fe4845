import type { DriftActions, Rights } from "@/components/discrepancies/contract.ts";
import { can } from "@/lib/auth/permissions.ts";
import type { Actor } from "@/lib/desk.ts";
import {
  approveAction,
  checkAction,
  decideAction,
  declineAction,
  followAction,
  previewAction,
  previewRevertAction,
  revertAction,
} from "./actions.ts";

/** What pages hand down to the components in which people decide. */
export const driftActions: DriftActions = {
  preview: previewAction,
  decide: decideAction,
  approve: approveAction,
  decline: declineAction,
  follow: followAction,
  check: checkAction,
  previewRevert: previewRevertAction,
  revert: revertAction,
};

export const rightsOf = ({ email, role }: Actor): Rights => ({
  email,
  decide: can(role, "decide"),
  decideMoney: can(role, "decide_money"),
  bulk: can(role, "bulk"),
  check: can(role, "run"),
});
