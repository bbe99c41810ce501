# SPDX-FileCopyrightText: 2026 The ccidtrack authors
# SPDX-License-Identifier: BSD-2-Clause

# CT_TRY_FLAGS(VARIABLE, compile|link, FLAGS)
# Appends to VARIABLE each of FLAGS that the compiler takes without a warning:
# clang only warns of what it does not know.
AC_DEFUN([CT_TRY_FLAGS], [
for ct_flag in m4_normalize([$3]); do
	AS_VAR_PUSHDEF([ct_known], [ct_cv_$2_$ct_flag])
	AC_CACHE_CHECK([whether $CC takes $ct_flag], [ct_known], [
		ct_saved_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS $$1 -Werror $ct_flag"
		m4_case([$2],
			[compile], [AC_COMPILE_IFELSE],
			[link], [AC_LINK_IFELSE])([AC_LANG_PROGRAM()],
			[AS_VAR_SET([ct_known], [yes])],
			[AS_VAR_SET([ct_known], [no])])
		CFLAGS=$ct_saved_CFLAGS
	])
	AS_VAR_IF([ct_known], [yes], [$1="$$1 $ct_flag"])
	AS_VAR_POPDEF([ct_known])
done
])

# CT_NEED_FLAG(VARIABLE, FLAG)
# As above for one flag that somebody asked for: an error without it.
AC_DEFUN([CT_NEED_FLAG], [
AC_MSG_CHECKING([whether programs link with $2])
ct_saved_CFLAGS=$CFLAGS
CFLAGS="$CFLAGS -Werror $2"
AC_LINK_IFELSE([AC_LANG_PROGRAM()],
	[AC_MSG_RESULT([yes]); $1="$$1 $2"],
	[AC_MSG_RESULT([no])
	AC_MSG_ERROR([$CC does not link with $2])])
CFLAGS=$ct_saved_CFLAGS
])
