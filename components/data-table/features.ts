import {
  columnVisibilityFeature,
  metaHelper,
  rowSelectionFeature,
  rowSortingFeature,
  tableFeatures,
} from "@tanstack/react-table";

export interface DataColumnMeta {
  /** What the columns menu calls it. */
  title: string;
  /** Classes of the header cell and of every cell: width, from which width of the list on it is shown. */
  className?: string;
  /** Numbers and times stand on the right. */
  align?: "right";
}

/** What every table of the desk can do. Rows come from the server filtered, sorted and cut into pages. */
export const dataTableFeatures = tableFeatures({
  columnVisibilityFeature,
  rowSelectionFeature,
  rowSortingFeature,
  columnMeta: metaHelper<DataColumnMeta>(),
});
export type DataTableFeatures = typeof dataTableFeatures;
